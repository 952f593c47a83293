package applytest

import (
	"container/heap"
	"time"
)

// An agenda is what the actors have to do, and when. Everything runs in the order
// of its time, and what is due at the same time in the order in which it was put
// down: one timer for all makes that so.
type agenda struct {
	f       *Fleet
	events  events
	pending map[string]bool
	seq     int
	timer   *time.Timer
	at      time.Time // when timer fires
	closed  bool
}

type event struct {
	at  time.Time
	seq int
	key string
	do  func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at.Before(e[j].at) || e[i].at.Equal(e[j].at) && e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }

func (e *events) Push(x any) { *e = append(*e, x.(event)) }

func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	(*e)[len(*e)-1] = event{}
	*e = (*e)[:len(*e)-1]
	return last
}

// after puts do down for later. What is already put down under the same key, and
// has not happened, is not put down twice. The fleet is locked, here and in do.
func (a *agenda) after(wait time.Duration, key string, do func()) {
	if a.closed || a.pending[key] {
		return
	}
	if a.pending == nil {
		a.pending = map[string]bool{}
	}
	a.pending[key] = true
	a.seq++
	heap.Push(&a.events, event{time.Now().Add(wait), a.seq, key, do})
}

// run does what is due, and sets the timer for what comes next.
func (a *agenda) run() {
	for len(a.events) > 0 && !a.events[0].at.After(time.Now()) {
		e := heap.Pop(&a.events).(event)
		delete(a.pending, e.key)
		e.do()
	}
	if len(a.events) == 0 || a.closed {
		return
	}
	now, next := time.Now(), a.events[0].at
	switch {
	case a.timer == nil:
		a.timer = time.AfterFunc(next.Sub(now), a.fire)
	case a.at.After(now) && !next.Before(a.at):
		return
	default:
		a.timer.Reset(next.Sub(now))
	}
	a.at = next
}

func (a *agenda) fire() {
	a.f.mu.Lock()
	defer a.f.mu.Unlock()
	a.at = time.Time{}
	if !a.closed {
		a.run()
	}
}

func (a *agenda) close() {
	a.closed, a.events = true, nil
	if a.timer != nil {
		a.timer.Stop()
	}
}
