package compare

// Share puts the parts of want in the place of the equal parts of live, which it
// changes: what a hundred clusters hold alike is then in memory once. Neither may be
// changed afterwards. Both are decoded JSON.
func Share(want, live map[string]any) {
	for k, v := range live {
		if w, ok := want[k]; ok {
			live[k], _ = shared(w, v)
		}
	}
}

// shared is want if live is equal to it, or else live, with parts of want in it.
func shared(want, live any) (v any, equal bool) {
	switch l := live.(type) {
	case map[string]any:
		w, ok := want.(map[string]any)
		if !ok {
			return live, false
		}
		equal = len(w) == len(l)
		for k, v := range l {
			one, ok := w[k]
			if !ok {
				equal = false
				continue
			}
			same := false
			l[k], same = shared(one, v)
			equal = equal && same
		}
	case []any:
		w, ok := want.([]any)
		if !ok {
			return live, false
		}
		equal = len(w) == len(l)
		for i := range min(len(w), len(l)) {
			same := false
			l[i], same = shared(w[i], l[i])
			equal = equal && same
		}
	default:
		equal = isScalar(want) && want == live
	}
	if equal {
		return want, true
	}
	return live, false
}
