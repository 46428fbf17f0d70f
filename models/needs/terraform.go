package needs

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Terraform returns the path of Terraform. Where it is missing the test is skipped, as one of the group. So it is in CI too:
// no Debian package brings it.
func Terraform(t testing.TB, group string) string {
	t.Helper()
	path, err := exec.LookPath("terraform")
	if err != nil {
		skip(t, os.Getenv, fmt.Sprintf("skipped: %s (install Terraform 1.11, which no Debian package brings)", group))
	}
	return path
}
