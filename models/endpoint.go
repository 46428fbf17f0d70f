package models

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// MaxEndpoint is the longest endpoint, in bytes as typed.
const MaxEndpoint = 2048

// Endpoint is a URL that a person chose, in the forms in which it is needed.
type Endpoint struct {
	Typed string // as typed, without blanks around it
	// URL is the normalised form: what is sent to and what must be unique within a stack. Scheme and host are
	// lower-case, the host is ASCII, a default port is dropped, an empty path is "/".
	URL         string
	Host        string // of URL, with the port if it is not the default one: what logs, metrics and audit may name
	UnicodeHost string // the host as people read it, when it differs from Host; "" otherwise
}

// hosts maps and checks internationalised names as browsers do (UTS 46, non-transitional), but allows the underscores
// that internal names have.
var hosts = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(false), idna.VerifyDNSLength(true))

// ParseEndpoint reads an endpoint as typed. The error is an Invalid for the field "endpoint" that says what to do.
func ParseEndpoint(typed string) (Endpoint, error) {
	typed = strings.TrimSpace(typed)
	u, problem := parseEndpointURL(typed)
	if problem != "" {
		return Endpoint{}, Invalid{{Field: "endpoint", Message: problem}}
	}
	host, port, problem := parseEndpointHost(u)
	if problem != "" {
		return Endpoint{}, Invalid{{Field: "endpoint", Message: problem}}
	}
	if port != "" {
		host += ":" + port
	}
	u.Host = host
	if u.Path == "" {
		u.Path = "/"
	}
	u.RawQuery = escapeNonASCII(u.RawQuery)
	e := Endpoint{Typed: typed, URL: u.String(), Host: host}
	if name, err := idna.Display.ToUnicode(u.Hostname()); err == nil && name != u.Hostname() {
		e.UnicodeHost = name
	}
	return e, nil
}

func parseEndpointURL(typed string) (*url.URL, string) {
	const example = "for example https://example.com/webhooks"
	switch {
	case typed == "":
		return nil, "Enter the URL that receives the requests, " + example + "."
	case !utf8.ValidString(typed):
		return nil, "The URL is not valid UTF-8 text."
	case len(typed) > MaxEndpoint:
		return nil, fmt.Sprintf("Use at most %d bytes; this URL has %d.", MaxEndpoint, len(typed))
	case strings.ContainsFunc(typed, unicode.IsSpace):
		return nil, "A URL has no blanks. Write %20 where one is meant."
	case hasControl(typed):
		return nil, "Leave out control characters."
	case strings.Contains(typed, `\`):
		return nil, "A URL has no backslashes. Write / instead."
	}
	u, err := url.Parse(typed)
	switch {
	case err != nil:
		return nil, "This is not a URL. Enter one " + example + "."
	case u.Scheme == "" || u.Opaque != "" && u.Scheme != "http" && u.Scheme != "https":
		return nil, "Start with https:// or http://, " + example + "."
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Sprintf("Webhooks are sent over https or http, not %s.", u.Scheme)
	case u.Opaque != "" || u.Host == "":
		return nil, "Name the host after " + u.Scheme + "://, " + example + "."
	case u.User != nil:
		return nil, "Leave out the user name and password before the @; use the secret to prove who sends."
	case u.Fragment != "" || strings.HasSuffix(typed, "#"):
		return nil, "Leave out the part from # on: it is never sent."
	}
	return u, ""
}

func parseEndpointHost(u *url.URL) (host, port, problem string) {
	port = u.Port()
	if port != "" {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 {
			return "", "", "The port must be a number from 1 to 65535."
		}
		port = strconv.Itoa(n)
		if u.Scheme == "https" && n == 443 || u.Scheme == "http" && n == 80 {
			port = ""
		}
	}
	name := u.Hostname()
	if strings.Contains(name, ":") { // an IPv6 literal
		addr, err := netip.ParseAddr(name)
		if err != nil || addr.Zone() != "" {
			return "", "", "The address in brackets is not an IPv6 address without a zone."
		}
		return "[" + addr.String() + "]", port, ""
	}
	ascii, err := hosts.ToASCII(strings.TrimSuffix(name, "."))
	if err != nil || strings.HasSuffix(ascii, ".") || strings.ContainsFunc(ascii, func(r rune) bool { return r > unicode.MaxASCII || strings.ContainsRune(` %<>^|"{}`, r) }) {
		return "", "", "The host is not a name that DNS can hold. Check its spelling."
	}
	return strings.ToLower(ascii), port, ""
}

// Key identifies the normalised URL in the unique index: a hash, because an index row may not hold 2,048 bytes.
func (e Endpoint) Key() string {
	sum := sha256.Sum256([]byte(e.URL))
	return hex.EncodeToString(sum[:])
}

// NearMiss reports that two different endpoints differ only in letter case, a trailing slash or the query: usually a
// mistake, but allowed.
func (e Endpoint) NearMiss(other Endpoint) bool {
	return e.URL != other.URL && rough(e.URL) == rough(other.URL)
}

func rough(address string) string {
	path, _, _ := strings.Cut(strings.ToLower(address), "?")
	return strings.TrimRight(path, "/")
}

func escapeNonASCII(text string) string {
	var out strings.Builder
	for _, b := range []byte(text) {
		if b >= utf8.RuneSelf {
			fmt.Fprintf(&out, "%%%02X", b)
		} else {
			out.WriteByte(b)
		}
	}
	return out.String()
}
