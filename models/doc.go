// Package models is the domain of Stackhook: what a stack, a run, a webhook and a delivery are, and the rules that hold
// for them wherever they are used. It does no I/O and knows neither the database, nor HTTP, nor the pages; everything
// else imports it, and it imports nothing of ours.
//
// Read run.go for what may be reported, payload.go for what receivers get, endpoint.go and secret.go for what a person
// may type, and delivery.go for what becomes of an event.
package models
