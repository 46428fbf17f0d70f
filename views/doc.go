// Package views is what people see: one templ file per page, with the struct that the page shows on top, and the frame
// that all of them stand in. It imports models for the domain's words, views/ui for the primitives and static for the
// addresses of files; it never queries: handlers fill the structs.
//
// paths.go is the only place that spells a page's address, words.go the only one that says in words and pictures what a
// status, a state or a reason is.
package views
