package handlers

import (
	"context"
	"time"

	"stackhook/models"
	"stackhook/models/store"
)

// Caller is who calls the API and what the path names, checked before the body is read.
type Caller struct {
	Viewer models.Viewer
	Stack  models.Stack
	Run    models.Run // zero if the path names none
}

type callerKey struct{}

// WithCaller hands the caller to the operation; middleware of package web does.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

func caller(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// answer is the body of a successful answer.
type answer[T any] struct{ Body T }

// InStack is what the path of every operation has. The library sees embedded structs only by an exported name.
type InStack struct {
	Stack string `path:"stack" doc:"The stack's id" example:"spacelift-demo"`
}

// InList is the part of a list that is asked for.
type InList struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most"`
	Cursor string `query:"cursor" doc:"Where an earlier answer's next left off"`
}

func (i InList) page() store.Page { return store.Page{Older: i.Cursor, Limit: i.Limit} }

// unixOrNil returns an instant in Unix seconds, nil for the zero time.
func unixOrNil(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	unix := t.Unix()
	return &unix
}
