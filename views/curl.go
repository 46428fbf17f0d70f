package views

import (
	"strings"

	"stackhook/models"
)

// CurlCommand returns a command for a POSIX shell that sends the request of an attempt again, with the same bytes: the
// same headers, signatures included, and the same body. It is empty for an attempt whose request was never made.
func CurlCommand(a models.Attempt, body []byte) string {
	if a.URL == "" || len(a.Exchange.RequestHeaders) == 0 {
		return ""
	}
	// Brackets and dots in the path go out as they are: curl would expand the one and shorten the other.
	lines := []string{"curl --globoff --path-as-is --include --request POST " + shellQuote(a.URL)}
	for _, h := range a.Exchange.RequestHeaders {
		if !curlsOwn(h.Name) {
			lines = append(lines, "--header "+shellQuote(h.Name+": "+h.Value))
		}
	}
	lines = append(lines,
		"--header 'Accept:' --header 'Expect:'", // what curl adds unasked; a name without a value leaves it out
		"--data-raw "+shellQuote(string(body)))  // unlike --data-binary, it takes a leading @ as it is
	return strings.Join(lines, " \\\n  ")
}

// curlsOwn reports the headers that curl derives from the URL and the body.
func curlsOwn(name string) bool {
	return strings.EqualFold(name, "Host") || strings.EqualFold(name, "Content-Length")
}

// shellQuote returns text as one word of a POSIX shell, whatever is in it. Between single quotes nothing is special but
// the single quote.
func shellQuote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
