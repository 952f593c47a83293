package main

import (
	"context"
	"time"
)

// betweenRounds is how long a cluster has to change before it is asked again.
const betweenRounds = 3 * time.Second

// Rounds ask the same question until an answer will do.
type rounds struct {
	ask    func(context.Context) (*answer, error)
	show   func(*answer) error // every answer but one that will do
	enough func(*answer) bool
}

// run returns the last answer that is whole, nil if there is none, and why it was not
// enough.
func (r rounds) run(ctx context.Context) (*answer, error) {
	var last *answer
	for {
		got, err := r.ask(ctx)
		if err == nil && r.enough(got) {
			return got, nil
		}
		if ctx.Err() != nil { // what was cut off says nothing of the clusters
			return last, context.Cause(ctx)
		}
		if err == nil {
			last, err = got, r.show(got)
		}
		if err != nil {
			return last, err
		}
		select {
		case <-ctx.Done():
			return last, context.Cause(ctx)
		case <-time.After(betweenRounds):
		}
	}
}
