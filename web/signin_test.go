package web_test

import (
	"net/http"
	"net/url"
	"testing"

	"stackhook/web/webtest"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	site := webtest.New(t)
	b := site.As(t, "")
	page := b.GET("/login")
	if page.Status != http.StatusOK || page.Text("h1") != "Sign in to acme" {
		t.Fatalf("%d\n%s", page.Status, page.Body)
	}
	page = b.POST("/login", url.Values{"email": {" ADA@example.com "}, "password": {webtest.Password}})
	if page.Status != http.StatusSeeOther || page.Location() != "/" {
		t.Fatalf("%d %s", page.Status, page.Location())
	}
	page = b.GET("/nothing")
	if page.Status != http.StatusNotFound || page.Text(".menu-who strong") != "Ada Lovelace" {
		t.Fatalf("%d\n%s", page.Status, page.Body)
	}
}
