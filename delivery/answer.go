package delivery

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"io"
	"net/http"
	"slices"
	"strings"

	"stackhook/models"
)

// What is kept of an answer: enough to see what a receiver complains of, little enough to keep for every attempt.
const (
	maxBody        = 16 << 10 // bytes, read and kept
	maxHeaders     = 40
	maxHeaderBytes = 1 << 10 // of a name and of a value
)

// keepAnswer reads what is kept of a response and closes it. A body that ends within the bound leaves its connection
// usable; a longer one is never drained, which costs its connection.
func keepAnswer(x *models.Exchange, r *http.Response) {
	defer r.Body.Close()
	x.ResponseHeaders, x.HeadersCut = keepHeaders(r.Header)
	if r.StatusCode == http.StatusSwitchingProtocols {
		return // net/http hands the bare connection over as the body, and reading that would know no time-out
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1)) // one more, to see whether that is the end
	x.Cut = err != nil || len(raw) > maxBody
	raw = raw[:min(len(raw), maxBody)]
	if encoding := strings.ToLower(r.Header.Get("Content-Encoding")); encoding == "gzip" || encoding == "x-gzip" {
		var more bool
		raw, more = gunzip(raw)
		x.Cut = x.Cut || more
	}
	x.ResponseBody = raw
}

// gunzip returns what comes out of the compressed bytes, at most maxBody, and whether there would be more. It never
// reads beyond the bytes given, so a bomb can only waste what is kept. Bytes that are not gzip are returned as they are.
func gunzip(raw []byte) (body []byte, cut bool) {
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return raw, false
	}
	body, err = io.ReadAll(io.LimitReader(z, maxBody+1))
	return body[:min(len(body), maxBody)], err != nil || len(body) > maxBody
}

// telling are the headers that say what to do next; they are kept before others.
var telling = []string{"Location", "Retry-After", "Content-Type"}

// keepHeaders returns the headers by name, values as received, and whether something was left out.
func keepHeaders(received http.Header) (kept []models.Header, cut bool) {
	for name, values := range received {
		for _, value := range values {
			cut = cut || len(name) > maxHeaderBytes || len(value) > maxHeaderBytes
			kept = append(kept, models.Header{
				Name: name[:min(len(name), maxHeaderBytes)], Value: value[:min(len(value), maxHeaderBytes)],
			})
		}
	}
	slices.SortStableFunc(kept, func(a, b models.Header) int {
		return cmp.Or(rank(a.Name)-rank(b.Name), strings.Compare(a.Name, b.Name))
	})
	if len(kept) > maxHeaders {
		kept, cut = kept[:maxHeaders], true
	}
	slices.SortStableFunc(kept, func(a, b models.Header) int { return strings.Compare(a.Name, b.Name) })
	return kept, cut
}

func rank(name string) int {
	if slices.Contains(telling, name) {
		return 0
	}
	return 1
}
