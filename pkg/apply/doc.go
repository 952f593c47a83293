// Package apply turns a wanted mesh into what every cluster should hold, reads
// what the clusters do hold, and makes the second into the first.
//
// Data flows one way, and each arrow yields a value that can be printed:
//
//	topology, base, root -> [desired.Desired] --+
//	clusters             -> [world.World]   ----+-> [plan.Plan] -> [execute.Apply] -> [execute.Report]
//	                                                    |
//	                                                    +-------> [status.Status]
//
// [NewDesired], [NewPlan] and everything they call decide and touch nothing.
// [observe.Observe] and package ask only read (a server-side dry run counts as
// reading), and [execute.Apply] alone writes.
//
// # Rooms
//
// This package puts its rooms together, and holds the tests that need all of them.
// Each room imports those named before it, never one after it:
//
//	order, compare, charts, object, rbac, kube, record, world    data, and what can be told from it
//	inject       sidecars by hand: no other room knows it
//	desired      what every cluster should hold: a function of files
//	observe      reads clusters into a World
//	plan         wanted against read: changes, and the steps in which they are made
//	check        what may be wrong, and what to do about it
//	component    the parts of a membership: what each wants, needs, proves and checks
//	ask          asks clusters what checks need to know beyond a plan
//	execute      carries out the steps of a plan
//	status       whether the clusters are one healthy mesh
//	graph        draws a mesh
//	bundle       gathers what whoever helps needs to see, and no secret
//
// Package kube holds all that speaks to an API server, package charts all that knows
// Istio's charts, and inject its injector; applytest has clusters in memory behind the port that kube
// implements, on which simulate plays random histories. docs/architecture.md follows
// one topology.yaml through the rooms.
//
// # Ownership
//
// Objects are written by server-side apply under the field manager
// [object.FieldManager]: we own the fields we send and no others. An object is
// ours when that manager appears in its managedFields. What is not ours is
// never changed or deleted unless the user says so ([plan.Options].Adopt).
//
// # Record
//
// Each member holds a [record.Record] of the mesh, its members and the objects we
// put there. Prune and teardown delete what it lists and is still ours. A record that
// is lost is made up for by what carries the mesh's label and our field manager.
//
// # Checks
//
// What can be wrong is a [check.Check]. A plan is judged by the [check.PlanChecks], a
// status by those of the components too; the proofs at the end of an apply name checks
// of the same registry. docs/checks.md is made from it.
package apply

//go:generate go run ./internal/gen
