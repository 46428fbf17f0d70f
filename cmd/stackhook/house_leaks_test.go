package main_test

import (
	"slices"
	"testing"
)

// TestLeaksAreLookedFor fails on a package whose tests would not notice a goroutine that they leave behind.
func TestLeaksAreLookedFor(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		imports := slices.Concat(p.TestImports, p.XTestImports)
		if len(imports) > 0 && !slices.Contains(imports, "go.uber.org/goleak") {
			t.Errorf("the tests of %s have no TestMain with goleak.VerifyTestMain", p.ImportPath)
		}
	}
}
