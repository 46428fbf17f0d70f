package handlers

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"stackhook/views"
)

// words are what an error page says: what happened, and what to do about it.
type words struct{ title, text string }

var errorWords = map[int]words{
	http.StatusBadRequest:            {"This cannot be understood", "Go back and try again."},
	http.StatusUnauthorized:          {"You are not signed in", "Sign in, then open the page again."},
	http.StatusForbidden:             {"Only administrators may do this", "Ask an administrator to do it, or to make you one."},
	http.StatusNotFound:              {"There is no such page", "It was deleted, its address has a mistake, or you may not read its stack. An administrator can give you access."},
	http.StatusMethodNotAllowed:      {"This address is not a page", "It takes what a form sends. Go back to the form, or to your stacks."},
	http.StatusConflict:              {"This is not possible now", "Go back and look at how things stand."},
	http.StatusRequestEntityTooLarge: {"This is too long", "Go back and shorten it."},
	http.StatusUnprocessableEntity:   {"Something has to be changed", "Go back and change it."},
	http.StatusTooManyRequests:       {"Too many tries", "Wait a minute."},
	http.StatusServiceUnavailable:    {"The database cannot commit at the moment", "Whether it was saved is not certain. Look, and try again in a few seconds."},
}

var unknownWords = words{"Stackhook failed", "This is not your doing. If it happens again, tell whoever runs this server the number below: the log has more under it."}

// ErrorPage answers an error with a page.
func (h *Handlers) ErrorPage(c echo.Context, status int, err error) error {
	w, known := errorWords[status]
	if !known {
		w = unknownWords
	}
	if detail := Detail(err); detail != "" {
		w.text = detail
	}
	problem, is := errors.AsType[*Problem](err)
	if is && problem.Title != "" {
		w.title = problem.Title
	}
	page := views.ErrorPage{Frame: h.frame(c, w.title, ""), Status: status, Text: w.text}
	if !known || is && problem.Logged {
		page.RequestID = c.Response().Header().Get(echo.HeaderXRequestID)
	}
	return h.render(c, status, views.Error(page))
}
