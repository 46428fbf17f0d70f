package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
)

// writings are the ways in which a text may stand somewhere: as it is, as markup, addresses, JSON and Go write it, in hex, and in
// base64 wherever it begins there. Of base64 that is what does not depend on the bytes before and after.
func writings(text string) map[string][]byte {
	quoted, _ := json.Marshal(text)
	found := map[string]string{
		"plain": text, "HTML": html.EscapeString(text), "JSON": strings.Trim(string(quoted), `"`), "Go": strings.Trim(fmt.Sprintf("%q", text), `"`),
		"a query": url.QueryEscape(text), "a path": url.PathEscape(text), "all of it percent": percent(text),
		"hex": hex.EncodeToString([]byte(text)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(text))),
		"a list of bytes": strings.Trim(fmt.Sprint([]byte(text)), "[]"),
	}
	for name, alphabet := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64 for URLs": base64.RawURLEncoding} {
		for before := range 3 {
			whole := alphabet.EncodeToString([]byte(strings.Repeat("\x00", before) + text))
			from := (before*8 + 5) / 6 // the first character of the text alone
			until := (before + len(text)) * 8 / 6
			found[fmt.Sprintf("%s, %d before", name, before)] = whole[from:until]
		}
	}
	all := map[string][]byte{}
	for name, w := range found {
		all[name] = []byte(w)
	}
	return all
}

// percent writes every byte as addresses may.
func percent(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

// search looks for secrets in what a journey leaves behind.
type search struct {
	t     *testing.T
	marks map[string]map[string][]byte // by secret, by the name of the writing
}

func newSearch(t *testing.T, secrets ...string) *search {
	s := &search{t, map[string]map[string][]byte{}}
	for _, secret := range secrets {
		s.marks[secret] = writings(secret)
		if key, is := strings.CutPrefix(secret, "whsec_"); is { // what receivers are given, and what signs, in other forms
			s.marks[key] = writings(key)
			if raw, err := base64.StdEncoding.DecodeString(key); err == nil {
				s.marks[string(raw)] = writings(string(raw))
			}
		}
	}
	return s
}

// finds returns how the secrets stand in a text, without regard to the case of what is hex or percent.
func (s *search) finds(text []byte) (found []string) {
	lower := bytes.ToLower(text)
	for secret, writings := range s.marks {
		for name, w := range writings {
			in := text
			if strings.Contains(name, "percent") || name == "hex" || name == "a query" || name == "a path" {
				in, w = lower, bytes.ToLower(w)
			}
			if bytes.Contains(in, w) {
				found = append(found, fmt.Sprintf("%.12q… as %s", secret, name))
			}
		}
	}
	return found
}

// in fails if a secret stands in a text.
func (s *search) in(where string, text []byte) {
	s.t.Helper()
	if found := s.finds(text); found != nil {
		s.t.Errorf("%s holds a secret: %s", where, strings.Join(found, ", "))
	}
}

// Whatever form a secret leaks in, and whatever stands around it, the search finds it, and finds nothing where it is not.
func TestTheSearchFindsWhatLeaks(t *testing.T) {
	t.Parallel()
	const typed, generated = `marked/secret+with "<&é>"' ~7`, "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAb+9ZxYk0/A="
	s := newSearch(t, typed, generated)
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(generated, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{typed, generated, string(raw)} {
		for around := range 7 {
			text := strings.Repeat("x", around) + secret + strings.Repeat("\xfe", 6-around)
			quoted, _ := json.Marshal(secret)
			for name, leak := range map[string]string{
				"plain": text, "a log line": fmt.Sprintf("level=INFO secret=%q", secret), "JSON": `{"secret":` + string(quoted) + `}`,
				"a page": `<p data-x="` + html.EscapeString(secret) + `">`, "an address": "?s=" + url.QueryEscape(secret), "a path": "/" + url.PathEscape(secret),
				"hex": hex.EncodeToString([]byte(text)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(text))), "percent": percent(secret),
				"lower percent": strings.ToLower(percent(secret)), "a dump": fmt.Sprint([]byte(text)),
				"base64": base64.StdEncoding.EncodeToString([]byte(text)), "base64 for URLs": base64.RawURLEncoding.EncodeToString([]byte(text)),
			} {
				if secret == string(raw) && (name == "JSON" || name == "a page") {
					continue // bytes that are no text do not stand there
				}
				if s.finds([]byte("before "+leak+" after")) == nil {
					t.Errorf("not found in %s with %d before: %q", name, around, leak)
				}
			}
		}
	}
	if found := s.finds([]byte("marked/secret whsec_ MfKQ9r8GKYqrTwjUPD8ILPZIo2 another secret+with")); found != nil {
		t.Errorf("found what is not there: %v", found)
	}
}
