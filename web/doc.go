// Package web is the HTTP edge: the server and its limits, the one route table, what every request passes, sessions and
// the answer to errors. What an answer says is made in package handlers.
//
// Read routes.go for what there is and who may have it, middleware.go for what a request passes on its way, and
// sessions.go, forms.go for how a browser is known and how a form outlives a session.
package web
