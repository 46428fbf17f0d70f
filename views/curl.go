package views

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"stackhook/models"
)

// CurlCommand returns a command for a POSIX shell that sends the request of an attempt again, byte for byte over HTTP/1.1:
// the same line, the same headers in their order, signatures included, and the same body. All of it can be seen, so that
// selecting it on a page copies it, and nothing in it comes from the receiver. It is empty for an attempt whose request
// was never made.
func CurlCommand(a models.Attempt, body []byte) string {
	if a.URL == "" || len(a.Exchange.RequestHeaders) == 0 {
		return ""
	}
	// Brackets and dots in the path go out as they are: curl would expand the one and shorten the other.
	first := "curl --globoff --path-as-is --include --request POST "
	if strings.HasPrefix(a.Protocol, "HTTP/1.") {
		first += "--http1.1 "
	}
	lines := []string{first + shellQuote(a.URL)}
	for _, h := range a.Exchange.RequestHeaders {
		if !strings.EqualFold(h.Name, "Host") { // curl takes it from the URL, and writes it first as we do
			lines = append(lines, "--header "+shellQuote(curlHeader(h)))
		}
	}
	lines = append(lines, "--header 'Accept:' --header 'Expect:'") // what curl adds unasked; a name without a value leaves it out
	if visible(string(body)) {
		lines = append(lines, "--data-raw "+shellQuote(string(body))) // unlike --data-binary, it takes a leading @ as it is
	} else {
		lines[0] = "printf " + shellQuote(printfFormat(body)) + " |\n  " + lines[0]
		lines = append(lines, "--data-binary @-")
	}
	return strings.Join(lines, " \\\n  ")
}

// curlHeader is a header as curl takes it: with a colon and nothing behind it would leave the header out.
func curlHeader(h models.Header) string {
	if h.Value == "" {
		return h.Name + ";"
	}
	return h.Name + ": " + h.Value
}

// visible reports whether a text is copied from a page, or typed, as it is. Blanks of other kinds than the usual one are
// not: browsers copy some of them as that.
func visible(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// printfFormat writes bytes as the format of the shell's printf, with numbers for what cannot be seen.
func printfFormat(text []byte) string {
	var out strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == '%' || r == '\\':
			out.WriteString(strings.Repeat(string(r), 2))
		case unicode.IsPrint(r) && (r != utf8.RuneError || size > 1):
			out.WriteRune(r)
		default:
			for _, b := range text[:size] {
				fmt.Fprintf(&out, `\%03o`, b)
			}
		}
		text = text[size:]
	}
	return out.String()
}

// shellQuote returns text as one word of a POSIX shell, whatever is in it. Between single quotes nothing is special but
// the single quote.
func shellQuote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
