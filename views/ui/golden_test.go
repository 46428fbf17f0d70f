package ui

import (
	"context"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
)

var update = flag.Bool("update", false, "write what the components render now as what they should")

// hash is the part of an address that changes with a file's content, which is no matter of the components.
var hash = regexp.MustCompile(`\.[0-9a-f]{12}\.svg`)

// Each component is rendered with everything it can have and with nothing, and compared with testdata. After a change
// that is meant: go test ./views/ui -update, and read the difference.
func TestGolden(t *testing.T) {
	t.Parallel()
	email := Field{Name: "email", Label: "Email"}
	endpoint := Field{Name: "endpoint", Label: "Endpoint", Hint: "An http or https URL.", Error: "Enter a <URL>.", Described: []string{"stored"}}
	problems := []Problem{{Field: "endpoint", Label: "Endpoint", Message: "Enter a URL."}, {Message: "The stack changed meanwhile."}}
	links := []Link{{Label: "All", Href: "/all", Current: true, Count: "384"}, {Label: "Failed", Href: "/failed?a=1&b=2", Icon: "failed"}}
	for name, c := range map[string]templ.Component{
		"icon":            Icon("right", "chevron"),
		"mark":            Mark("sign-in-mark"),
		"time":            Time(noon.Add(-2*time.Minute), noon),
		"time-full":       TimeFull(noon),
		"time-clock":      TimeClock(noon),
		"time-none":       Time(time.Time{}, noon),
		"url":             URL("https://deploys.example.com/hooks/<stackhook>/?q=a/b"),
		"labels":          Labels([]string{"env:prod", "<aws>"}),
		"labels-none":     Labels(nil),
		"avatar":          Avatar("AL", true),
		"button":          Button(Action{Label: "Save"}),
		"button-full":     Button(Action{Label: "Generate", Icon: "spark", Kind: Primary, Small: true, Block: true, Named: "Generate a secret", Name: "generate", Value: "1", NoValidate: true, Attrs: templ.Attributes{"data-generate": "secret"}}),
		"button-icon":     Button(Action{Icon: "help", Kind: Quiet, Href: "/help", Named: "Help"}),
		"button-unsafe":   Button(Action{Label: "Go", Href: "javascript:alert(1)"}),
		"post":            Post("/redeliver", Action{Label: "Redeliver", Icon: "again"}),
		"copy":            CopyButton("secret", "Copy"),
		"copyable":        Copyable("delivery id", "01K6X4M2ZB8Q0V5T7N3RC9WEAH"),
		"copy-hidden":     CopyHidden("curl command", "Copy as curl", "curl 'a & b'"),
		"disclosure":      with(Disclosure("More", true), "content"),
		"row":             with(FieldRow(endpoint), "control"),
		"stack":           with(FieldStack(email), "control"),
		"rows":            with(FormRows(), "rows"),
		"foot":            with(FormFoot(true), "buttons"),
		"hint":            with(Hint("stored"), "words"),
		"input":           Input(email, Text{}),
		"input-full":      Input(endpoint, Text{Type: "url", Value: `a"b`, Mono: true, Attrs: templ.Attributes{"autocomplete": "off", "required": true}}),
		"input-group":     with(InputGroup(), "input and button"),
		"text-area":       TextArea(endpoint, "</textarea>", 3),
		"select":          Select(email, []Option{{"", "Any"}, {"a", "A"}}, "a"),
		"check":           Check("remove_secret", "on", "Remove it", true),
		"switch-on":       Switch(endpoint, true, "Enabled", "Disabled"),
		"switch-off":      Switch(email, false, "Enabled", "Disabled"),
		"strength":        StrengthMeter(Strength{ID: "strength", Level: 3, Word: "Good", Characters: 24}),
		"strength-none":   StrengthMeter(Strength{ID: "strength"}),
		"error-summary":   ErrorSummary(problems),
		"error-none":      ErrorSummary(nil),
		"note":            with(Note(Notice{Tone: Bad, Icon: "circuit", Title: "Failing", Level: 4, Role: "status", Class: "webhook-wide"}), "<p>words</p>"),
		"note-plain":      with(Note(Notice{Tone: Info}), "<p>words</p>"),
		"heading-2":       Heading(2, "Title"),
		"heading-3":       Heading(3, "Title"),
		"heading-4":       Heading(4, "Title"),
		"heading-none":    Heading(0, "Title"),
		"health":          with(Health(Bad), "<strong>Not answering</strong>"),
		"card":            with(Card("card-pad"), "content"),
		"card-head":       with(CardHead("grid", "States"), "legend"),
		"page-head":       with(PageHead("Runs", "All of them."), "live"),
		"section-head":    SectionHead("webhooks", "Webhooks", 3),
		"section-plain":   SectionHead("add", "Add", -1),
		"empty":           with(Empty(Nothing{Art: "run", Title: "No runs reported yet", Text: "Report one."}), "button"),
		"crumbs":          Crumbs(Crumb{Label: "Deliveries", Href: "/deliveries"}, Crumb{Label: "…3RC9WEAH", Mono: true}),
		"tabs":            Tabs("Networking", links),
		"side-nav":        SideNav("Settings", links),
		"segments":        Segments("Status", links),
		"pager":           Pager("", "/older", "50 of 1,204"),
		"pager-none":      Pager("", "", ""),
		"facts":           with(Facts(true), "facts"),
		"fact":            with(Fact("Run"), "content"),
		"code":            Code(Listing{Label: "Body", Text: "<a>\x1b\n  b", Copy: "body", Exact: "exact"}),
		"code-children":   with(Code(Listing{Label: "Headers", Head: "Sent", Wrapped: true, Tall: true}), "children"),
		"code-word":       CodeWord("sha256="),
		"pairs":           Pairs("POST / HTTP/1.1", []Pair{{"Host", "a.example"}, {"X-<a>", "b\r\n\x00"}}),
		"json":            JSON("{\n  \"a\": \"b\\\": <c>\",\n  \"d\": [\"e\"]\n}"),
		"json-broken":     JSON(`"unfinished \`),
		"strip":           Strip("dfps?", 8, "words"),
		"strip-full":      StripRow("dddd", 2, "label", "words"),
		"waterfall":       Waterfall("Where the time went", []Phase{{Name: "DNS", Took: time.Millisecond}, {Name: "First byte", Start: time.Millisecond, Took: 9 * time.Second, Wait: true}, {Name: "Body", Start: 9999 * time.Millisecond, Took: time.Millisecond}}, 10*time.Second),
		"waterfall-empty": Waterfall("Nothing known", []Phase{{Name: "DNS"}}, 0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compare(t, name, hash.ReplaceAllString(render(t, c), ".HASH.svg"))
		})
	}
}

// Every picture of an empty state must differ from the fallback.
func TestArt(t *testing.T) {
	t.Parallel()
	fallback := render(t, art("filter"))
	for _, name := range []string{"stack", "webhook", "run", "delivery", "person"} {
		if render(t, art(name)) == fallback {
			t.Errorf("%s has no picture of its own", name)
		}
	}
}

func compare(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".html")
	if *update {
		if err := os.WriteFile(file, []byte(got+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (write it with -update)", err)
	}
	if got+"\n" != string(want) {
		t.Errorf("rendered\n%s\nwant\n%s", got, want)
	}
}

func with(c templ.Component, children string) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return c.Render(templ.WithChildren(ctx, templ.Raw(children)), w)
	})
}

func render(t *testing.T, c templ.Component) string {
	t.Helper()
	var out strings.Builder
	if err := c.Render(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
