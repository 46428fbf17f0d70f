package origin_test

import (
	"testing"

	"go.uber.org/goleak"
)

// A goroutine that a test leaves behind fails the package.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
