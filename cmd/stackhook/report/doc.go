// Package report is what a pipeline tells a Stackhook server with: it reports runs and their states through the API and
// is never in the pipeline's way. Reporting does not wait for the server, and does not fail: what cannot be sent is kept
// in order, and sent when the server is back.
//
// Read Reporter for the story, Run for the order of one run's reports, client.go for what is said to the server. It
// imports models only, so that a pipeline's machine carries no part of the server with it.
package report
