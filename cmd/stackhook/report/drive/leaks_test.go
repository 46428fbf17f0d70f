package drive_test

import (
	"os"
	"os/signal"
	"testing"

	"go.uber.org/goleak"
)

// A goroutine that a test leaves behind fails the package.
func TestMain(m *testing.M) {
	if signal.Ignored(os.Interrupt) { // as in the background of a script; a shell cannot trap what it inherits as ignored
		signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	}
	goleak.VerifyTestMain(m)
}
