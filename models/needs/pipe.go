package needs

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// PipeRead opens a named pipe for writing, which waits until a program reads from it. When nobody does within that time the test
// ends, with what the program has said.
func PipeRead(t testing.TB, path string, within time.Duration, said func() string) *os.File {
	t.Helper()
	opened := make(chan *os.File, 1)
	go func() {
		file, _ := os.OpenFile(path, os.O_WRONLY, 0)
		opened <- file
	}()
	select {
	case file := <-opened:
		return file
	case <-time.After(within):
		end, _ := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		defer end.Close()
		(<-opened).Close()
		t.Fatalf("nobody reads from the pipe:\n%s", said())
	}
	return nil
}
