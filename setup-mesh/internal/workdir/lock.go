package workdir

import (
	"context"
	"fmt"
	"time"
)

// lockEvery is how often a lock held by somebody else is tried again.
const lockEvery = 20 * time.Millisecond

// lock waits until no other setup-mesh writes to the directory. The lock goes
// with the process. Where directories cannot be locked (some network file
// systems) it does nothing: writing never replaces a file in any case.
func (d *Dir) lock(ctx context.Context) (unlock func(), err error) {
	f, err := d.files.Open(".")
	if err != nil {
		return nil, about(d.path, err)
	}
	retry := time.NewTicker(lockEvery)
	defer retry.Stop()
	for {
		held, err := tryLock(f)
		if err != nil {
			f.Close()
			return nil, about(d.path, fmt.Errorf("lock: %w", err))
		}
		if !held {
			return func() { f.Close() }, nil
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, about(d.path, fmt.Errorf("wait for another setup-mesh that is writing to this directory: %w", context.Cause(ctx)))
		case <-retry.C:
		}
	}
}
