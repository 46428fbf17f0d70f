package static

import (
	"net/http"
	"strconv"
	"strings"
)

// Handler serves the files at the addresses that URL gives, and nothing else: there is no file system behind it to list
// or to climb.
func Handler() http.Handler { return http.HandlerFunc(serve) }

func serve(w http.ResponseWriter, r *http.Request) {
	f, known := byURL[r.URL.Path]
	if !known {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Use GET.", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	// A year is the longest that caches honour (RFC 9111 sets no limit, RFC 2616 named a year).
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	content := f.plain
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		content = f.zipped
	}
	h.Set("Content-Length", strconv.Itoa(len(content)))
	if r.Method == http.MethodGet {
		w.Write(content) // the client has gone if this fails
	}
}

// acceptsGzip reads Accept-Encoding as far as browsers use it: gzip named, and not with a quality of zero.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			zero := strings.Trim(strings.ReplaceAll(quality, " ", ""), "q=.0") == "" && strings.Contains(quality, "0")
			return !zero
		}
	}
	return false
}
