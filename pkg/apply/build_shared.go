package apply

import "context"

// share adds the copies of other clusters' Services, and their namespaces first.
func (b *builder) share(n *clusterSteps, todo map[stage][]Change) {
	c, spaces := n.c, todo[stageSpaces]
	if len(spaces) > 0 {
		n.byStage[stageSpaces] = b.add(&step{cluster: c.Name, name: "shared namespaces", total: len(spaces), run: func(ctx context.Context, r *reporter) error {
			for _, ch := range spaces {
				if !c.Live.ending[ch.Object] {
					continue
				}
				if err := waitAbsent(ctx, c.Live, ch.Object, r); err != nil {
					return err
				}
			}
			return b.x.changes(ctx, c, spaces, r)
		}}, n.prepare)
	}
	n.byStage[stageShared] = b.change(c, "shared services", todo[stageShared], n.prepare, n.byStage[stageSpaces])
}
