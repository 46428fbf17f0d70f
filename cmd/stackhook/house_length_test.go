package main_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Limits of what one reads at a time. 250 lines of a file are long already; 60 lines of a function are a screen.
const (
	longestFile     = 350
	longestFunction = 60
)

// TestLengths fails on a file or a function that has grown too long to be read at once.
func TestLengths(t *testing.T) {
	t.Parallel()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case entry.IsDir() || strings.HasSuffix(path, "_templ.go"):
			return nil
		case strings.HasSuffix(path, ".go") || strings.HasSuffix(path, ".templ"):
			source, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			checkLengths(t, path, source)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkLengths(t *testing.T, path string, source []byte) {
	t.Helper()
	if lines := bytes.Count(source, []byte("\n")); lines > longestFile {
		t.Errorf("%s has %d lines, more than %d: split it by noun", path, lines, longestFile)
	}
	if !strings.HasSuffix(path, ".go") {
		return
	}
	for name, lines := range functionLengths(t, path, source) {
		if lines > longestFunction {
			t.Errorf("%s: %s has %d lines, more than %d: give a part of it a name of its own", path, name, lines, longestFunction)
		}
	}
}

// functionLengths returns the lines of each function, from its first to its closing brace. Where a table is in a test,
// its lines do not count: they are data.
func functionLengths(t *testing.T, path string, source []byte) map[string]int {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, source, parser.SkipObjectResolution)
	if err != nil {
		t.Error(err)
		return nil
	}
	span := func(n ast.Node) int { return files.Position(n.End()).Line - files.Position(n.Pos()).Line }
	lengths := map[string]int{}
	for _, declared := range file.Decls {
		function, is := declared.(*ast.FuncDecl)
		if !is {
			continue
		}
		lines := 1 + files.Position(function.End()).Line - files.Position(function.Type.Pos()).Line
		if strings.HasSuffix(path, "_test.go") {
			lines -= tableLines(function, span)
		}
		lengths[function.Name.Name] = max(lines, lengths[function.Name.Name]) // methods of two types share a name
	}
	return lengths
}

// tableLines counts the lines that a function's outermost composite literals span beyond their first.
func tableLines(function *ast.FuncDecl, span func(ast.Node) int) int {
	lines := 0
	ast.Inspect(function, func(n ast.Node) bool {
		table, is := n.(*ast.CompositeLit)
		if is {
			lines += span(table)
		}
		return !is
	})
	return lines
}

// TestFunctionLengths proves that the count is what the limit means.
func TestFunctionLengths(t *testing.T) {
	t.Parallel()
	const source = `package p

// Documentation does not count.
func f() {
	_ = []int{
		1,
		2,
	}
}
`
	tests := map[string]int{"p.go": 6, "p_test.go": 3}
	for path, want := range tests {
		if got := functionLengths(t, path, []byte(source))["f"]; got != want {
			t.Errorf("in %s the function has %d lines, want %d", path, got, want)
		}
	}
}
