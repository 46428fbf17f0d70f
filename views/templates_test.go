package views

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"stackhook/static"
)

// The texts of all templates and of the Go code beside them, by file name. What templ generated is left out.
func sources(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		template := strings.HasSuffix(name, ".templ")
		code := strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_templ.go") && !strings.HasSuffix(name, "_test.go")
		if err != nil || d.IsDir() || !template && !code {
			return err
		}
		content, err := os.ReadFile(name)
		texts[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(texts["frame.templ"]) == 0 || len(texts["ui/actions.templ"]) == 0 {
		t.Fatal("the templates were not found")
	}
	return texts
}

// The content security policy refuses what is inline: it would be missing on the page without a word.
func TestNothingInline(t *testing.T) {
	t.Parallel()
	forbidden := map[string]*regexp.Regexp{
		"a style attribute":        regexp.MustCompile(`(?i)\sstyle\s*=`),
		"an event handler":         regexp.MustCompile(`(?i)\son[a-z]+\s*=\s*["{]`),
		"a style element":          regexp.MustCompile(`(?i)<style`),
		"a script without a file":  regexp.MustCompile(`(?i)<script(>|\s+[^s>][^>]*>)`),
		"a javascript address":     regexp.MustCompile(`(?i)["']javascript:`),
		"something from elsewhere": regexp.MustCompile(`(?i)\s(src|action)\s*=\s*"(https?:)?//`),
	}
	for name, text := range sources(t) {
		for what, pattern := range forbidden {
			if found := pattern.FindString(text); found != "" {
				t.Errorf("%s has %s: %s", name, what, found)
			}
		}
	}
}

func TestIconsExist(t *testing.T) {
	t.Parallel()
	ids := static.IconIDs()
	used := regexp.MustCompile(`(?:\bIcon\(|\bIcon:\s*)"([a-z-]+)"`)
	count := 0
	for name, text := range sources(t) {
		for _, m := range used.FindAllStringSubmatch(text, -1) {
			count++
			if !slices.Contains(ids, "i-"+m[1]) {
				t.Errorf("%s shows the icon %q, which the sprite does not have", name, m[1])
			}
		}
	}
	if count < 10 {
		t.Errorf("only %d uses of icons were found: the pattern is out of date", count)
	}
}

// Every class that a template names must be in the stylesheet, and a name that is put together must have one that
// begins so.
func TestClassesExist(t *testing.T) {
	t.Parallel()
	classes := stylesheetClasses(t)
	plain := regexp.MustCompile(`\sclass="([^"{]*)"`)
	computed := regexp.MustCompile(`\sclass=\{([^}]*)\}`)
	literal := regexp.MustCompile(`"([^"]*)"`)
	count := 0
	check := func(file, names string) {
		for name := range strings.FieldsSeq(names) {
			count++
			known := func(class string) bool {
				return class == name || strings.HasSuffix(name, "-") && strings.HasPrefix(class, name)
			}
			if !slices.ContainsFunc(classes, known) {
				t.Errorf("%s uses the class %q, which the stylesheet does not have", file, name)
			}
		}
	}
	for file, text := range sources(t) {
		for _, m := range plain.FindAllStringSubmatch(text, -1) {
			check(file, m[1])
		}
		for _, m := range computed.FindAllStringSubmatch(text, -1) {
			for _, l := range literal.FindAllStringSubmatch(m[1], -1) {
				check(file, l[1])
			}
		}
	}
	if count < 50 {
		t.Errorf("only %d classes were found: the patterns are out of date", count)
	}
}

func stylesheetClasses(t *testing.T) []string {
	t.Helper()
	var classes []string
	sheets := os.DirFS("../static/css")
	names, err := fs.Glob(sheets, "*.css")
	if err != nil || len(names) == 0 {
		t.Fatalf("no stylesheets: %v", err)
	}
	selector := regexp.MustCompile(`\.([a-z][a-z0-9-]*)`)
	for _, name := range names {
		content, err := fs.ReadFile(sheets, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range selector.FindAllStringSubmatch(string(content), -1) {
			classes = append(classes, m[1])
		}
	}
	return classes
}
