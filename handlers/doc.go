// Package handlers answers requests: one file per resource, with its pages and its forms. A handler reads its input,
// loads what it needs, checks who is asking, stores, and answers; the errors that it returns meet the one map in
// errors.go.
//
// It imports models, models/store and views. It does not know how sessions are kept, where its routes hang or how a
// delivery is sent: package web and the command hand that over as plain functions, see Handlers.
package handlers
