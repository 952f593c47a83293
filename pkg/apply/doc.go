// Package apply turns a wanted mesh into what every cluster should hold, reads
// what the clusters do hold, and makes the second into the first.
//
// Data flows one way, and each arrow yields a value that can be printed:
//
//	topology, base, root -> [desired.Desired] --+
//	clusters             -> [world.World]   --+-> [plan.Plan] -> [execute.Apply] -> [execute.Report]
//	                        [world.World]   ----> [status.Status]
//
// [NewDesired], [NewPlan] and everything they call decide and touch nothing.
// [observe.Observe] only reads (a server-side dry run counts as reading), and [execute.Apply]
// alone writes. Package kube holds all that speaks to an API server, package
// charts all that knows Istio's charts.
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
// put there. Prune and teardown delete what it lists and nothing else.
//
// # Checks
//
// What can be wrong is a [check.Check]. A plan is judged by those that are about what
// is wanted, a status by all; the proofs at the end of an apply are of the same
// registry. docs/checks.md is made from it.
package apply

//go:generate go run ./internal/gen
