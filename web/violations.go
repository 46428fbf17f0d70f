package web

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"
)

const (
	// violationsPath is where browsers say what the content policy kept them from. That it was anything is a mistake of ours,
	// an extension of the browser, or somebody's attempt to put something into a page.
	violationsPath = "/csp-reports"
	// maxViolation bounds a report, and maxViolationWord what is logged of each part of it.
	maxViolation     = 16 << 10
	maxViolationWord = 120
	// violationsPerMinute is how many are logged of everybody's: anybody may send what looks like one.
	violationsPerMinute = 10
)

// violation is what is read of a report. A browser has one of the two ways of writing it.
type violation struct {
	Directive string `json:"violated-directive"`
	Effective string `json:"effectiveDirective"`
	Blocked   string `json:"blocked-uri"`
	BlockedBy string `json:"blockedURL"`
	Page      string `json:"document-uri"`
	PageOf    string `json:"documentURL"`
}

// violations logs reports of violations, one line for each request, and answers nothing. Addresses are logged as far as they
// tell nothing that is secret: of what was blocked the host, of the page the path.
func violations(log *slog.Logger) echo.HandlerFunc {
	limiter := rate.NewLimiter(rate.Every(time.Minute/violationsPerMinute), violationsPerMinute)
	var mu sync.Mutex
	var dropped int
	return func(c echo.Context) error {
		text, err := io.ReadAll(io.LimitReader(c.Request().Body, maxViolation+1))
		v, is := readViolation(text)
		if err != nil || len(text) > maxViolation || !is {
			return c.NoContent(http.StatusNoContent) // whoever sent that is no browser, and is told nothing
		}
		mu.Lock()
		defer mu.Unlock()
		if !limiter.Allow() {
			dropped++
			return c.NoContent(http.StatusNoContent)
		}
		log.Warn("a browser was kept from something by the content policy", "directive", directiveWord(v.Directive), "blocked", blockedWord(v.Blocked),
			"page", pageWord(v.Page), "address", c.RealIP(), "notLoggedBefore", dropped, "requestID", c.Response().Header().Get(echo.HeaderXRequestID))
		dropped = 0
		return c.NoContent(http.StatusNoContent)
	}
}

// readViolation reads the first report of a request.
func readViolation(text []byte) (violation, bool) {
	var old struct {
		Report *violation `json:"csp-report"`
	}
	if json.Unmarshal(text, &old) == nil && old.Report != nil {
		return *old.Report, true
	}
	var reports []struct {
		Type string
		Body violation
	}
	if json.Unmarshal(text, &reports) != nil {
		return violation{}, false
	}
	for _, r := range reports {
		if r.Type == "csp-violation" {
			return violation{Directive: r.Body.Effective, Blocked: r.Body.BlockedBy, Page: r.Body.PageOf}, true
		}
	}
	return violation{}, false
}

var directive = regexp.MustCompile(`^[a-z-]{1,40}`)

// directiveWord is the name of a directive, without what old browsers put behind it.
func directiveWord(text string) string { return directive.FindString(text) }

// blockedWord is the host that something was blocked from, or a word such as inline.
func blockedWord(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "something"
	case u.Host != "":
		return bounded(u.Scheme + "://" + u.Host)
	case u.Scheme != "":
		return directive.FindString(u.Scheme) // of data: and blob: the rest is the content
	}
	return directive.FindString(text)
}

// pageWord is the path of a page; its query may hold a one-time link's token.
func pageWord(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return bounded(u.EscapedPath())
}

func bounded(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxViolationWord)], "")
}
