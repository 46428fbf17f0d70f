package views

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"stackhook/models"
	"stackhook/views/ui"
)

// phases are the parts of an attempt on its own clock, those that happened. What an attempt that ended early did last
// has no end of its own: it is what is left of the whole.
func phases(a models.Attempt) []ui.Phase {
	var list []ui.Phase
	var clock time.Duration
	add := func(name string, took time.Duration, wait bool) {
		if took > 0 {
			list = append(list, ui.Phase{Name: name, Start: clock, Took: took, Wait: wait})
			clock += took
		}
	}
	add("DNS", a.DNS, false)
	add("Connect", a.Connect, false)
	add("TLS", a.TLS, false)
	if a.Code == 0 && a.FirstByte == 0 {
		add("Unfinished", a.Total-clock, true)
		return list
	}
	clock = max(clock, a.Total-a.Body-a.FirstByte) // writing the request is no phase
	add("First byte", a.FirstByte, true)
	add("Body", a.Body, false)
	return list
}

// connectionWords say what was dialled and how, as far as it is known.
func connectionWords(a models.Attempt) string {
	if a.Address == "" {
		return ""
	}
	words := "Dialled " + a.Address
	if spoken := joined(" and ", a.Protocol, a.TLSVersion); spoken != "" {
		words += " over " + spoken
	}
	if a.Reused {
		words += ", on a connection kept open"
	} else if a.Code != 0 {
		words += ", on a new connection"
	}
	words += "."
	if !a.CertificateExpiresAt.IsZero() {
		verb := " The certificate expires on "
		if a.CertificateExpiresAt.Before(a.StartedAt) {
			verb = " The certificate expired on "
		}
		words += verb + a.CertificateExpiresAt.UTC().Format("2 January 2006") + "."
	}
	return words
}

// silenceWords say what it means that no answer came.
func silenceWords(a models.Attempt) string {
	if a.Reason == models.ReasonInterrupted || connected(a) {
		return "No response. The request may have been received."
	}
	return "No response: the request was not sent."
}

// connected reports whether an attempt came as far as a connection that the request could be written to.
func connected(a models.Attempt) bool {
	if strings.HasPrefix(a.URL, "https:") {
		return a.Reused || a.TLS > 0
	}
	return a.Reused || a.Connect > 0
}

// cutWords say whether all of a response is there.
func cutWords(x models.Exchange) string {
	switch {
	case x.Cut && x.HeadersCut:
		return "Cut: the body was longer or broke off, and some headers were left out or shortened."
	case x.Cut:
		return "Cut: the body was longer than what is kept, or it broke off."
	case x.HeadersCut:
		return "The body is complete; some headers were left out or shortened."
	case len(x.ResponseBody) == 0:
		return "The response had no body."
	}
	return "Complete: nothing was cut."
}

// requestLine is the first line of the request, as HTTP/1.1 writes it.
func requestLine(a models.Attempt) string {
	target := a.URL
	if u, err := url.Parse(a.URL); err == nil {
		target = u.RequestURI()
	}
	return joined(" ", "POST", target, a.Protocol)
}

// statusLine is the first line of the response. Its words are the standard ones: those that the receiver sent mean
// nothing, and HTTP/2 has none.
func statusLine(a models.Attempt) string { return joined(" ", a.Protocol, codeWords(a.Code)) }

func pairs(headers []models.Header) []ui.Pair {
	list := make([]ui.Pair, len(headers))
	for i, h := range headers {
		list[i] = ui.Pair{Name: h.Name, Value: h.Value}
	}
	return list
}

// laidOut is a JSON text indented, or as it is if it is none.
func laidOut(body []byte) string {
	var out bytes.Buffer
	if json.Indent(&out, body, "", "  ") != nil {
		return string(body)
	}
	return strings.TrimSpace(out.String())
}
