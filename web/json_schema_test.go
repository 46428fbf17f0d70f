package web

import (
	"errors"
	"reflect"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"stackhook/models"
)

// order is a body with each rule that is checked.
type order struct {
	Word  string   `json:"word,omitempty" enum:"ONE,TWO"`
	Count *int64   `json:"count,omitempty" minimum:"1" maximum:"10"`
	All   bool     `json:"all,omitempty"`
	IDs   []string `json:"ids,omitempty" minItems:"1" maxItems:"2"`
	Part  *struct {
		Name string `json:"name"`
	} `json:"part,omitempty"`
	Parts []part `json:"parts,omitempty"`
}

type part struct {
	N int64 `json:"n"`
}

func schemaOf(v any) schema {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	return schema{registry.Schema(reflect.TypeOf(v), true, "Body"), registry}.resolved()
}

func TestBodiesFitTheirSchema(t *testing.T) {
	t.Parallel()
	s := schemaOf(order{})
	s.mustBeChecked()
	for text, want := range map[string]string{ // the location of the first fault and what is wrong, "" for fine
		`{}`: "",
		`{"word":"ONE","count":10,"all":true,"ids":["a"],"part":{"name":""},"parts":[{"n":1},{"n":-2}]}`: "",
		`{"word":"\u004fNE"}`:          "",
		`[]`:                           "body must be an object",
		`7`:                            "body must be an object",
		`{"word":"one"}`:               "word must be one of ONE TWO",
		`{"word":1}`:                   "word must be text",
		`{"word":true}`:                "word must be text",
		`{"word":["ONE"]}`:             "word must be text",
		`{"count":0}`:                  "count must be 1 or more",
		`{"count":11}`:                 "count must be 10 or less",
		`{"count":"1"}`:                "count must be a whole number",
		`{"all":"true"}`:               "all must be true or false",
		`{"all":0}`:                    "all must be true or false",
		`{"ids":[]}`:                   "ids must have at least 1",
		`{"ids":["a","b","c"]}`:        "ids must have at most 2",
		`{"ids":["a",2]}`:              "ids must be text",
		`{"ids":{"0":"a"}}`:            "ids must be a list",
		`{"part":{}}`:                  "part.name must be there",
		`{"part":{"name":"","n":1}}`:   "part.n there is no such field",
		`{"part":[]}`:                  "part must be an object",
		`{"parts":[{"n":1},{}]}`:       "parts.n must be there",
		`{"Word":"ONE"}`:               "Word there is no such field",
		`{"w\u006frd":"ONE","word":1}`: "word must be there only once",
	} {
		got := ""
		if invalid, is := errors.AsType[models.Invalid](checkJSON([]byte(text), s)); is {
			got = invalid[0].Field + " " + invalid[0].Message
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// A rule that nothing checks is found at start.
func TestARuleThatNothingChecksIsRefused(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]any{
		"a pattern": struct {
			A string `json:"a" pattern:"^x$"`
		}{},
		"a format": struct {
			A string `json:"a" format:"uuid"`
		}{},
		"a length, deep": struct {
			A []struct {
				B string `json:"b" maxLength:"3"`
			} `json:"a"`
		}{},
		"a fraction": struct {
			A float64 `json:"a"`
		}{},
		"any key": map[string]string{},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s passes", name)
				}
			}()
			schemaOf(body).mustBeChecked()
		}()
	}
}
