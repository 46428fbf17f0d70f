// Package delivery brings deliveries to their receivers. A loop claims what is due, signs the stored payload, sends it
// once, judges the answer and records it with what comes next; a retry is the same loop, later. It knows the database
// through models/store and nothing of the pages.
//
// Read loop.go for the loop, places.go for what is in memory and job.go for the way of one delivery. What decides is pure
// and stands apart from what acts: signature.go makes the headers, verdict.go judges an attempt, schedule.go says what
// follows from it, guard.go says which addresses an endpoint may have. sender.go and trace.go make the one HTTP request.
package delivery
