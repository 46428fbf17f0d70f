// Package static holds what browsers load beside the pages: one stylesheet, one script and another two of pages that show
// what happens, the icons. It imports nothing of
// ours.
//
// Each file is served under an address that contains a hash of its content, so browsers may keep it for ever and still
// never see an old one: a new build has new addresses. Pages take the addresses from URL.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
)

// The names of the files, as URL takes them.
const (
	Stylesheet = "app.css"
	Script     = "app.js"
	Live       = "live.js" // of pages that show what happens
	Feed       = "feed.js" // what connects them
	Icons      = "icons.svg"
	Favicon    = "favicon.svg"
)

//go:embed css js icons.svg favicon.svg
var source embed.FS

// stylesheets are the parts of the stylesheet, weak layers first. They are written by layer and noun, and served as one
// file: one request, and no import that blocks.
var stylesheets = []string{
	"reset", "tokens", "base", "layout",
	"controls", "status", "forms", "data", "charts",
	"webhooks", "deliveries", "runs", "help",
	"modes",
}

// layers must come first in the stylesheet: a later layer wins without longer selectors.
const layers = "@layer reset, tokens, base, layout, components, pages, modes;\n"

// file is one file as it is served.
type file struct {
	url         string
	contentType string
	plain       []byte
	zipped      []byte // the same with gzip
}

// files has every file by name, and byURL by its address.
var (
	files = load()
	byURL = index(files)
)

// URL returns the address of a file. An unknown name is a mistake in a template, which every rendering of it meets.
func URL(name string) string {
	f, known := files[name]
	if !known {
		panic("static: no file is called " + name)
	}
	return f.url
}

// IconIDs returns the ids of the icons in the sprite, such as "i-hook", sorted.
func IconIDs() []string {
	var ids []string
	for _, part := range strings.Split(string(files[Icons].plain), `<symbol id="`)[1:] {
		id, _, _ := strings.Cut(part, `"`)
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func load() map[string]file {
	css := bytes.NewBufferString(layers)
	for _, name := range stylesheets {
		css.Write(read("css/" + name + ".css"))
	}
	return map[string]file{
		Stylesheet: newFile(Stylesheet, "text/css; charset=utf-8", css.Bytes()),
		Script:     newFile(Script, "text/javascript; charset=utf-8", read("js/app.js")),
		Live:       newFile(Live, "text/javascript; charset=utf-8", read("js/live.js")),
		Feed:       newFile(Feed, "text/javascript; charset=utf-8", read("js/feed.js")),
		Icons:      newFile(Icons, "image/svg+xml", read("icons.svg")),
		Favicon:    newFile(Favicon, "image/svg+xml", read("favicon.svg")),
	}
}

func index(files map[string]file) map[string]file {
	byURL := make(map[string]file, len(files))
	for _, f := range files {
		byURL[f.url] = f
	}
	return byURL
}

func newFile(name, contentType string, content []byte) file {
	// 48 bits tell the versions of one file apart; the name stays readable in a browser's tools.
	sum := sha256.Sum256(content)
	ext := path.Ext(name)
	url := fmt.Sprintf("/static/%s.%s%s", strings.TrimSuffix(name, ext), hex.EncodeToString(sum[:6]), ext)
	return file{url: url, contentType: contentType, plain: content, zipped: zip(content)}
}

func zip(content []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		panic("static: " + err.Error()) // the level is a constant
	}
	w.Write(content) // to memory: neither fails
	w.Close()
	return out.Bytes()
}

func read(name string) []byte {
	content, err := source.ReadFile(name)
	if err != nil {
		panic("static: " + err.Error()) // the build embeds the folder: only a wrong name gets here, in every test
	}
	return content
}
