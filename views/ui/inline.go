package ui

import (
	"strings"

	"github.com/a-h/templ"
)

// The components here are written in Go: a template would put blanks between their parts, and in them every blank shows.

// URL is an address with places where a line may break: after the slashes of its path.
func URL(address string) templ.Component {
	address = VisibleLine(address)
	start := 0
	if scheme := strings.Index(address, "://"); scheme >= 0 {
		start = scheme + len("://")
	}
	var out strings.Builder
	out.WriteString(templ.EscapeString(address[:start]))
	for i, part := range strings.SplitAfter(address[start:], "/") {
		if i > 0 && part != "" {
			out.WriteString("<wbr>")
		}
		out.WriteString(templ.EscapeString(part))
	}
	return templ.Raw(out.String())
}

// Pair is a name and a value, such as a header line.
type Pair struct{ Name, Value string }

// Pairs are header lines after a first line, for a Code block.
func Pairs(first string, pairs []Pair) templ.Component {
	var out strings.Builder
	out.WriteString(templ.EscapeString(VisibleLine(first)))
	for _, p := range pairs {
		out.WriteString("\n" + marked(VisibleLine(p.Name)) + ": " + templ.EscapeString(VisibleLine(p.Value)))
	}
	return templ.Raw(out.String())
}

// JSON is a JSON text, already laid out, with the names of its fields marked, for a Code block. Text that is not JSON
// comes through as it is, but made visible.
func JSON(text string) templ.Component {
	text = Visible(text)
	var out strings.Builder
	from := 0
	for i := 0; i < len(text); i++ {
		if text[i] != '"' {
			continue
		}
		end := stringEnd(text, i)
		if strings.HasPrefix(text[end:], ":") {
			out.WriteString(templ.EscapeString(text[from:i]) + marked(text[i:end]))
			from = end
		}
		i = end - 1
	}
	out.WriteString(templ.EscapeString(text[from:]))
	return templ.Raw(out.String())
}

// stringEnd returns the index after the JSON string that starts at i.
func stringEnd(text string, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

func marked(name string) string { return `<span class="k">` + templ.EscapeString(name) + `</span>` }
