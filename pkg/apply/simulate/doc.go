// Package simulate tries to break an apply. Its tests run random histories of a
// mesh on clusters in memory ([applytest]): users edit topology.yaml, requests
// fail, processes die, somebody else changes things in between. After every
// single write, and for a while after the last, invariants are checked; once the
// faults stop, the next applies have to give what a first apply gives.
//
//	go test ./pkg/apply/simulate                         # 5,000 histories, 200 with -short
//	SIM_SEED=42 go test -v -run TestHistories ./pkg/apply/simulate
//	make soak                                            # until it is stopped
//
// # Histories
//
// A [history] is data, made from a seed: replaying a seed does the same, to the
// order of requests. For that, every request takes a time of its own that only
// depends on the seed and on what is asked, and so does whether it fails. A
// failure prints its seed, and the shortest history that still fails.
//
// In some histories users rotate the root, as setup-mesh certs rotate-root does: from one
// phase to the next, or back, once an apply of the present one was complete. What else
// happens in a history happens then, too.
//
// In some histories the mesh is an ambient one from the start, and goes on to sidecars, to
// both, and back.
//
// # Invariants
//
//	injection    who was injected is injected, at each endpoint that there is
//	identity     whoever injects a pod does so as one of its own cluster and network
//	credentials  an istiod in service reads the clusters that it is to read
//	tunnels      nobody is told of a cluster before its ambient gateway is reached where it
//	             says; a gateway, or what runs on nodes, goes after what replaces it serves
//	gateways     an istiod in service keeps a way to the gateways of those
//	trust        proxies that could talk to each other still can, in all phases of a rotation
//	ownership    nothing of others is deleted, nor what was not seen in this run
//	lock         whoever lost the lock writes nothing
//	record       every object of ours is on record
//	secrets      no key and no token in events, plans, errors, reports, records
//	end          faults stop: the next applies converge, to what a first one gives
//	teardown     nothing of ours is left, and all of others
//
// Seeds that once failed are in testdata/seeds, each with what it found.
package simulate
