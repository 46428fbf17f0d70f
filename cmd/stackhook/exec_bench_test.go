package main

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkExec runs the same run by hand and by exec, in turns, and prints what exec adds: of a run without changes, which
// is what most are.
//
//	go test -run - -bench Exec -benchtime 20x ./cmd/stackhook
func BenchmarkExec(b *testing.B) {
	p := newProject(b)
	p.write(b, twoResources)
	p.time(b, p.program("--auto-approve -- terraform"))
	plan := filepath.Join(b.TempDir(), "plan.out")
	var byHand, byExec time.Duration
	for b.Loop() {
		for _, args := range [][]string{{"init", "-input=false"}, {"plan", "-out=" + plan}} {
			tool := exec.Command("terraform", args...)
			tool.Dir, tool.Env = p.dir, append(program(b.Context(), nil).Env, p.env...)
			byHand += p.time(b, tool)
		}
		byExec += p.time(b, p.program("--auto-approve -- terraform"))
	}
	b.ReportMetric(0, "ns/op")
	each := func(d time.Duration) float64 { return float64(d.Milliseconds()) / float64(b.N) }
	b.ReportMetric(each(byHand), "ms-by-hand")
	b.ReportMetric(each(byExec), "ms-by-exec")
	b.ReportMetric(each(byExec-byHand), "ms-added")
}

// time returns how long a command takes, which must succeed.
func (p *project) time(t testing.TB, cmd *exec.Cmd) time.Duration {
	t.Helper()
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return time.Since(began)
}
