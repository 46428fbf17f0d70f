package delivery

import (
	"testing"

	"go.uber.org/goleak"

	"stackhook/models/needs/line"
)

// A goroutine that a test leaves behind fails the package.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, line.Rest()...) }
