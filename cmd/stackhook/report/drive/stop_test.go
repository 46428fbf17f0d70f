package drive_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"stackhook/cmd/stackhook/report/drive"
	"stackhook/models"
	"stackhook/models/needs"
)

// writer opens the pipe for writing, which waits until Terraform reads from it.
func writer(t *testing.T, h *heard, dir string) *os.File {
	t.Helper()
	return needs.PipeRead(t, filepath.Join(dir, "pipe"), patience, h.text)
}

// release ends the waiting: what is read from the pipe now, and from then on, is there at once.
func release(t *testing.T, pipe *os.File) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := errors.Join(os.WriteFile(file, []byte("x"), 0o600), os.Rename(file, pipe.Name()), pipe.Close()); err != nil {
		t.Fatal(err)
	}
}

// A signal during the plan is passed on, Terraform ends in good order, and releases its lock. Now and then it even calls
// that plan a success, and nothing is applied all the same.
func TestStopDuringPlan(t *testing.T) {
	t.Parallel()
	terraform := needs.Terraform(t, "Terraform runs")
	signals, dir := make(chan os.Signal, 1), configuration(t, terraform, one, waitsInPlan)
	h, ended := begin(t, drive.Run{Tool: terraform, Dir: dir, AutoApprove: true, Signals: signals})
	pipe := writer(t, h, dir)
	if _, err := os.Stat(filepath.Join(dir, ".terraform.tfstate.lock.info")); err != nil {
		t.Errorf("the state is not locked, so nothing is proved: %v", err)
	}
	signals <- syscall.SIGTERM
	h.await(t, "Gracefully shutting down")
	release(t, pipe)
	o, code := end(t, h, ended), 1
	if !strings.Contains(h.text(), "execution halted") {
		code = 128 + int(syscall.SIGTERM)
	}
	h.expect(t, o, "PREPARING INITIALIZING PLANNING STOPPED", code)
	if strings.Contains(h.text(), "Two interrupts") {
		t.Errorf("Terraform got the signal twice:\n%s", h.text())
	}
	clean(t, dir)
}

// Of a second signal Terraform ends without waiting for what it does, after some seconds. A third one does not wait for that.
func TestHurryDuringPlan(t *testing.T) {
	t.Parallel()
	terraform := needs.Terraform(t, "Terraform runs")
	signals, dir := make(chan os.Signal, 1), configuration(t, terraform, one, waitsInPlan)
	h, ended := begin(t, drive.Run{Tool: terraform, Dir: dir, AutoApprove: true, Signals: signals})
	pipe := writer(t, h, dir)
	defer pipe.Close()
	signals <- os.Interrupt
	h.await(t, "Gracefully shutting down")
	signals <- os.Interrupt
	h.await(t, "Two interrupts received")
	signals <- os.Interrupt
	h.expect(t, end(t, h, ended), "PREPARING INITIALIZING PLANNING STOPPED", 128+int(syscall.SIGKILL))
}

// A signal while init, or another run, has the state: here the plan waits for the lock of another run.
func TestStopWhileLocked(t *testing.T) {
	t.Parallel()
	terraform := needs.Terraform(t, "Terraform runs")
	dir := configuration(t, terraform, one, waitsInPlan)
	other, otherEnded := begin(t, drive.Run{Tool: terraform, Dir: dir, Type: models.Proposed})
	pipe := writer(t, other, dir)

	signals := make(chan os.Signal, 1)
	h, ended := begin(t, drive.Run{Tool: terraform, Dir: dir, Signals: signals, Arguments: drive.Arguments{Plan: []string{"-lock-timeout=10m"}}})
	h.await(t, "Acquiring state lock")
	signals <- os.Interrupt
	h.expect(t, end(t, h, ended), "PREPARING INITIALIZING PLANNING STOPPED", 1)
	if _, err := os.Stat(filepath.Join(dir, ".terraform.tfstate.lock.info")); err != nil {
		t.Errorf("the other run's lock is gone: %v", err)
	}

	release(t, pipe)
	other.expect(t, end(t, other, otherEnded), "PREPARING INITIALIZING PLANNING FINISHED", 0)
	clean(t, dir)
}

// A signal during the apply: what was done by then is in the state, and reported.
func TestStopDuringApply(t *testing.T) {
	t.Parallel()
	terraform := needs.Terraform(t, "Terraform runs")
	signals, dir := make(chan os.Signal, 1), configuration(t, terraform, "", waitsInApply)
	h, ended := begin(t, drive.Run{Tool: terraform, Dir: dir, AutoApprove: true, Signals: signals})
	pipe := writer(t, h, dir)
	defer pipe.Close()
	signals <- os.Interrupt
	h.expect(t, end(t, h, ended), "PREPARING INITIALIZING PLANNING CONFIRMED APPLYING FAILED", 1)
	if left := held(t, terraform, dir); left != 2 || h.delta == nil || *h.delta != *delta(3, 0, 0, left) {
		t.Errorf("the state holds %d resources, reported is %+v", left, h.delta)
	}
	clean(t, dir)
}

// The tool may have ended of Ctrl-C before it is known here that there was one: the state is counted all the same. A second
// one ends that.
func TestLateSignal(t *testing.T) {
	t.Parallel()
	tool := script(t, `#!/bin/sh
case $* in
plan*) echo PK >"${2#-out=}"; exit 2 ;; # as a plan begins
show*plan.out) echo '{"format_version":"1.2","planned_values":{},"resource_changes":[]}' ;;
show*) cat pipe; echo '{"format_version":"1.0","values":{"root_module":{"resources":[{"address":"a","mode":"managed"}]}}}' ;;
apply*) exit 1 ;;
esac
`)
	for _, c := range []struct{ signals, resources int64 }{{1, 1}, {2, 0}} {
		signals, dir := make(chan os.Signal), t.TempDir()
		if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
			t.Fatal(err)
		}
		h, ended := begin(t, drive.Run{Tool: tool, Dir: dir, AutoApprove: true, Signals: signals})
		pipe := writer(t, h, dir)
		for range c.signals {
			signals <- os.Interrupt
		}
		release(t, pipe)
		h.expect(t, end(t, h, ended), "PREPARING INITIALIZING PLANNING CONFIRMED APPLYING FAILED", 1)
		if h.delta.Resources != c.resources {
			t.Errorf("after %d signals %d resources are reported", c.signals, h.delta.Resources)
		}
	}
}

// A signal before anything began, and one instead of an answer.
func TestStopBetween(t *testing.T) {
	t.Parallel()
	tool := script(t, "#!/bin/sh\n[ $1 != plan ] || exit 2\n")
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGHUP
	h, o := tell(t, drive.Run{Tool: tool, Signals: signals})
	h.expect(t, o, "PREPARING STOPPED", 129)

	unanswered, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer unanswered.Close()
	defer write.Close()
	asked := &heard{}
	h, ended := begin(t, drive.Run{Tool: tool, Signals: signals, Asks: asked, In: unanswered})
	asked.await(t, "Your answer: ")
	signals <- os.Interrupt
	h.expect(t, end(t, h, ended), "PREPARING INITIALIZING PLANNING UNCONFIRMED DISCARDED", drive.CodeDiscarded)
}
