package main_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// row says which packages of ours a package may import, and why no others.
type row struct {
	imports []string
	why     string
}

// product is all that a program may be made of.
var product = []string{
	"models", "models/store", "delivery", "static", "views/ui", "views", "handlers", "web", "web/provider", "cmd/stackhook/report", "cmd/stackhook/report/plan",
	"cmd/stackhook/report/drive", "cmd/stackhook/report/origin",
}

// arrows is the whole table. Read from left to right it says what a package may know; read the other way round, which
// packages a change can break. The pages' side (views, handlers, web) and the sending side (delivery) never meet except
// in the store: cmd hands each the plain functions that it needs of the other.
var arrows = map[string]row{
	"models":                      {nil, "the domain does no I/O and depends on nothing, so that everything may depend on it"},
	"models/needs":                {nil, "every package's tests import it, so it must not import any of them"},
	"models/needs/line":           {nil, "as needs; apart from it, so that the programs which start a PostgreSQL server have no proxy in them"},
	"models/store":                {[]string{"models"}, "the database is below both sides and knows neither"},
	"models/store/storetest":      {[]string{"models", "models/store"}, "it opens the real store for tests, nothing more"},
	"delivery":                    {[]string{"models", "models/store"}, "the engine sends and cannot know that pages exist"},
	"static":                      {nil, "it is a folder of embedded files"},
	"views/ui":                    {[]string{"static"}, "its primitives know no word of the domain"},
	"views":                       {[]string{"models", "views/ui", "static"}, "a page shows what it was given and cannot query"},
	"handlers":                    {[]string{"models", "models/store", "views"}, "a handler is called by the edge and gets the engine as plain functions"},
	"web":                         {[]string{"handlers", "models", "models/store", "views", "static", "web/provider"}, "the edge serves people and cannot send deliveries"},
	"web/provider":                {[]string{"models"}, "it talks to the identity provider, and decides nothing"},
	"web/webtest":                 {[]string{"handlers", "models", "models/store", "static", "views", "web"}, "it starts the real edge for tests, nothing more"},
	"cmd/bench":                   {append([]string{"models/needs"}, product...), "it measures the product, with a PostgreSQL server of its own"},
	"cmd/crash":                   {append([]string{"models/needs"}, product...), "it kills the product, with a PostgreSQL server of its own"},
	"cmd/stackhook":               {product, "a program may use all of the product, but not what supports tests"},
	"cmd/stackhook/report":        {[]string{"models"}, "a pipeline's client talks HTTP; it must not carry the server"},
	"cmd/stackhook/report/plan":   {[]string{"models"}, "it reads what Terraform prints, and reports nothing"},
	"cmd/stackhook/report/drive":  {[]string{"models", "cmd/stackhook/report/plan"}, "it drives a tool, and tells whoever wants to hear it"},
	"cmd/stackhook/report/origin": {[]string{"models"}, "it reads git and what it is given, and talks to nobody"},
}

// supports names the packages that only tests import, and what each is about: the tests of those that may import that.
// Being test code themselves they may import one another.
var supports = map[string]string{
	"models/store/storetest": "models/store",
	"web/webtest":            "web",
}

// libraries says which packages may import a library that would blur what a package is for.
var libraries = []struct {
	prefixes    []string
	may         []string
	why         string
	exceptTests bool // any test may import it
}{
	{
		prefixes: []string{"gorm.io/", "github.com/go-gormigrate/", "github.com/mattn/go-sqlite3", "github.com/jackc/"},
		may:      []string{"models/store", "models/store/storetest", "models/needs", "cmd/bench"},
		why:      "only the store talks to the database; needs starts one, and the benchmark writes a million rows",
	},
	{
		prefixes:    []string{"database/sql"},
		may:         []string{"models/store", "models/store/storetest", "models/needs", "cmd/bench"},
		why:         "only the store talks to the database",
		exceptTests: true, // plain SQL is a witness of what was stored that does not share the store's faults
	},
	{
		prefixes: []string{"github.com/labstack/"},
		may:      []string{"handlers", "web", "web/webtest"},
		why:      "echo ends where HTTP ends",
	},
	{
		prefixes: []string{"github.com/a-h/templ"},
		may:      []string{"handlers", "views", "views/ui", "web"},
		why:      "only what makes or answers pages knows templates",
	},
	{
		prefixes: []string{"github.com/gorilla/"},
		may:      []string{"web"},
		why:      "sessions are the edge's; a handler is told who is asking",
	},
	{
		prefixes: []string{"github.com/coreos/go-oidc", "golang.org/x/oauth2"},
		may:      []string{"web/provider"},
		why:      "what is said to the identity provider is said in one place",
	},
}

func TestArrows(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, "stackhook/")
		if _, known := arrows[name]; !known {
			t.Errorf("package %s has no row in the table of arrows: say there what it may import, and which may import it", name)
			continue
		}
		for _, imported := range p.Imports {
			if problem := arrow(name, imported, false); problem != "" {
				t.Error(problem)
			}
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			if problem := arrow(name, imported, true); problem != "" {
				t.Errorf("in a test, %s", problem)
			}
		}
	}
}

// arrow returns what is wrong with a package of ours importing another package, "" when nothing is.
func arrow(importer, imported string, inTest bool) string {
	own, ours := strings.CutPrefix(imported, "stackhook/")
	if !ours {
		return libraryArrow(importer, imported, inTest)
	}
	if supports[importer] != "" {
		inTest = true
	}
	rule := arrows[importer]
	may := append([]string{}, rule.imports...)
	if inTest {
		may = append(may, importer, "models/needs", "models/needs/line")
		for support, about := range supports {
			if slices.Contains(may, about) {
				may = append(may, support)
			}
		}
		slices.Sort(may)
	}
	if slices.Contains(may, own) {
		return ""
	}
	allowed := strings.Join(may, ", ")
	if allowed == "" {
		allowed = "nothing of ours"
	}
	return importer + " imports " + own + " but may import only " + allowed + ": " + rule.why
}

// libraryArrow is arrow for packages that are not ours; those that libraries does not name may be imported anywhere.
func libraryArrow(importer, imported string, inTest bool) string {
	for _, library := range libraries {
		named := slices.ContainsFunc(library.prefixes, func(prefix string) bool { return strings.HasPrefix(imported, prefix) })
		if inTest && library.exceptTests {
			continue
		}
		if named && !slices.Contains(library.may, importer) {
			return importer + " imports " + imported + ", which only " + strings.Join(library.may, ", ") + " may: " + library.why
		}
	}
	return ""
}

// listed is what the go command tells of a package.
type listed struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

// listPackages asks the go command for our packages. What it reads escapes the cache of test results; TestLengths reads
// the same files itself, so this package's result is never older than they are.
func listPackages(t *testing.T) []listed {
	t.Helper()
	list := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	list.Dir = root
	out, err := list.Output()
	if failed, is := errors.AsType[*exec.ExitError](err); is {
		t.Fatalf("go list: %v\n%s", err, failed.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	var packages []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("read what go list prints: %v", err)
		}
		packages = append(packages, p)
	}
}

// TestArrow proves that the table refuses what it is there to refuse.
func TestArrow(t *testing.T) {
	t.Parallel()
	tests := []struct {
		importer, imported string
		inTest, fine       bool
	}{
		{"views", "stackhook/models", false, true},
		{"views", "stackhook/models/store", false, false},
		{"views", "stackhook/models/store/storetest", true, false},
		{"views", "stackhook/models/needs", true, true},
		{"views", "stackhook/models/needs", false, false},
		{"views/ui", "stackhook/models", false, false},
		{"handlers", "stackhook/web", false, false},
		{"handlers", "stackhook/delivery", false, false},
		{"handlers", "stackhook/models/store/storetest", true, true},
		{"handlers", "gorm.io/gorm", false, false},
		{"handlers", "github.com/gorilla/sessions", true, false},
		{"web", "database/sql", false, false},
		{"web", "database/sql", true, true},
		{"web", "stackhook/delivery", false, false},
		{"web", "github.com/gorilla/sessions", false, true},
		{"web", "stackhook/web/webtest", true, true},
		{"web", "stackhook/web/webtest", false, false},
		{"web/webtest", "stackhook/models/store/storetest", false, true},
		{"handlers", "stackhook/web/webtest", true, false},
		{"delivery", "stackhook/models/store", false, true},
		{"delivery", "stackhook/views", true, false},
		{"delivery", "github.com/labstack/echo/v4", false, false},
		{"models", "stackhook/models/store", false, false},
		{"models", "stackhook/models", true, true},
		{"models", "gorm.io/gorm/schema", false, false},
		{"models", "github.com/a-h/templ", false, false},
		{"models", "net/mail", false, true},
		{"models/store", "gorm.io/gorm", false, true},
		{"cmd/stackhook", "stackhook/delivery", false, true},
		{"cmd/stackhook", "stackhook/models/store/storetest", false, false},
		{"cmd/stackhook/report", "stackhook/models/store", false, false},
	}
	for _, test := range tests {
		problem := arrow(test.importer, test.imported, test.inTest)
		if (problem == "") != test.fine {
			t.Errorf("%s importing %s (in a test: %t): %q", test.importer, test.imported, test.inTest, problem)
		}
	}
}
