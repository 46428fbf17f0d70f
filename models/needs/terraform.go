package needs

import (
	"os"
	"os/exec"
	"testing"
)

// Terraform returns the path of Terraform. Where it is missing the test is skipped, as one of the group.
func Terraform(t testing.TB, group string) string {
	t.Helper()
	path, err := exec.LookPath("terraform")
	if err != nil {
		missing(t, os.Getenv, group, "install Terraform 1.11, https://developer.hashicorp.com/terraform/install")
	}
	return path
}
