package main

import (
	"strings"
	"testing"
)

// What a page tries that the content policy forbids, the browser reports and the log says, without what is secret about it.
func TestABrowserReportsWhatItIsKeptFrom(t *testing.T) {
	t.Parallel()
	server, base := serving(t, onDatabase(t))
	p := openBrowser(t, base, true)
	p.open("/login?next=%2Fmarked-next")
	value[bool](p, `document.body.append(Object.assign(new Image(), { src: "https://evil.example/marked-path?marked-query" })); true`)
	line := server.await(t, `(?m)^.*kept from something by the content policy.*$`)[0]
	for _, part := range []string{"level=WARN", "directive=img-src", "blocked=https://evil.example ", "page=/login ", "address=127.0.0.1"} {
		if !strings.Contains(line, part) {
			t.Errorf("%q is missing in %s", part, line)
		}
	}
	if text, _ := server.printed(); strings.Contains(text, "marked") {
		t.Errorf("the log says too much:\n%s", text)
	}
}
