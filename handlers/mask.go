package handlers

import (
	"html"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"stackhook/models"
)

// mask leaves out of a file what is secret or may be: of an endpoint all but its host, wherever a receiver repeats it,
// and the values of headers that carry what lets somebody in. Signatures are none: they prove one body, and hold for it
// alone.
type mask struct {
	secret *strings.Replacer
	done   []string // what was left out, in words
}

const masked = "[masked]"

// newMask makes a mask for what was sent to the endpoints.
func newMask(endpoints []string) *mask {
	var secrets []string
	for _, endpoint := range endpoints {
		if u, err := url.Parse(endpoint); err == nil {
			secrets = append(secrets, secretParts(u)...)
		}
	}
	// At one place the first that fits is replaced, so longer ones come before those that they begin with.
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, s := range slices.Compact(secrets) {
		pairs = append(pairs, s, masked)
	}
	return &mask{secret: strings.NewReplacer(pairs...), done: []string{"the path and the query of the endpoint"}}
}

// secretParts returns what may be secret in an endpoint, in each way in which an answer may repeat it: the path and the
// query as a whole, and the parts of them that do not look like ordinary words.
func secretParts(u *url.URL) []string {
	const ordinary = 7 // bytes; a shorter path, such as /hooks, is no secret, and may be anywhere
	var found []string
	add := func(text string, limit int) {
		if len(text) > limit {
			found = append(found, text, html.EscapeString(text), strings.ReplaceAll(text, "/", `\/`), url.QueryEscape(text))
		}
	}
	for _, part := range []string{u.RequestURI(), u.EscapedPath(), u.Path, u.RawQuery} {
		add(part, ordinary)
	}
	for _, path := range []string{u.EscapedPath(), u.Path} {
		for segment := range strings.SplitSeq(path, "/") {
			if !isWord(segment) {
				add(segment, ordinary)
			}
		}
	}
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		_, value, _ := strings.Cut(pair, "=")
		plain, _ := url.QueryUnescape(value)
		for _, v := range []string{value, plain} {
			if isWord(v) {
				add(v, ordinary)
			} else {
				add(v, ordinary/2)
			}
		}
	}
	return found
}

// isWord reports whether a text may be a word that an answer has for another reason.
func isWord(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsUpper(r) || unicode.IsDigit(r) })
}

// headers returns headers without what is secret in them; of says whose they are.
func (m *mask) headers(headers []models.Header, of string) []fileHeader {
	list := []fileHeader{}
	for _, h := range headers {
		value := m.header(h)
		if value != h.Value {
			m.done = append(m.done, "in the header "+strings.ToValidUTF8(h.Name, "\uFFFD")+" of "+of)
		}
		f := fileHeader{Name: m.secret.Replace(h.Name)}
		f.Value, f.Base64 = textOrBytes(value)
		list = append(list, f)
	}
	return list
}

func (m *mask) header(h models.Header) string {
	switch {
	case carriesSecret(h.Name):
		return masked
	case strings.EqualFold(h.Name, "Location"), strings.EqualFold(h.Name, "Content-Location"):
		return hostAlone(h.Value)
	}
	return m.secret.Replace(h.Value)
}

// secretWords are those in the names of headers that let somebody in. A challenge, such as WWW-Authenticate, does not.
var secretWords = []string{
	"auth", "authorization", "authentication", "bearer", "cookie", "cookie2", "credential", "credentials", "csrf", "csrftoken", "jwt", "key", "apikey",
	"pass", "passwd", "password", "pwd", "secret", "session", "sessionid", "sid", "token", "xsrf",
}

func carriesSecret(name string) bool {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == '.' })
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(secretWords, w) || strings.HasSuffix(w, "token") })
}

// hostAlone is a URL without its path and query, which may repeat those of the endpoint in any form.
func hostAlone(location string) string {
	u, err := url.Parse(location)
	if err != nil || u.Host == "" {
		return masked
	}
	if u.User == nil && strings.Trim(u.RequestURI(), "/") == "" && u.Fragment == "" {
		return location
	}
	return u.Scheme + "://" + u.Host + "/" + masked
}

// body returns a body without what is secret in it; of says whose it is.
func (m *mask) body(body []byte, of string) fileBody {
	kept := m.secret.Replace(string(body))
	if kept == string(body) {
		return bodyOf(body)
	}
	m.done = append(m.done, "in the body of "+of)
	f := fileBody{Bytes: len(body)}
	f.Text, f.Base64 = textOrBytes(kept)
	return f
}
