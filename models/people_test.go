package models_test

import (
	"strings"
	"testing"

	"stackhook/models"
)

func TestStacksAreChecked(t *testing.T) {
	t.Parallel()
	good := models.Stack{ID: "networking-prod", Name: "Networking prod", Labels: []string{"aws"}}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*models.Stack){
		"id":           func(s *models.Stack) { s.ID = "" },
		"id ":          func(s *models.Stack) { s.ID = "new" },
		"id  ":         func(s *models.Stack) { s.ID = "Upper" },
		"id   ":        func(s *models.Stack) { s.ID = "-x" },
		"id    ":       func(s *models.Stack) { s.ID = strings.Repeat("x", 64) },
		"id     ":      func(s *models.Stack) { s.ID = "x\n" },
		"name":         func(s *models.Stack) { s.Name = "  " },
		"name ":        func(s *models.Stack) { s.Name = strings.Repeat("ü", 101) },
		"description":  func(s *models.Stack) { s.Description = strings.Repeat("ü", 1001) },
		"description ": func(s *models.Stack) { s.Description = "\x1b[31m" },
		"labels":       func(s *models.Stack) { s.Labels = []string{strings.Repeat("x", 51)} },
		"labels ":      func(s *models.Stack) { s.Labels = make([]string, 65) },
		"labels  ":     func(s *models.Stack) { s.Labels = []string{"a\u202eb"} },
	} {
		bad := good
		change(&bad)
		invalid, _ := bad.Check().(models.Invalid)
		if len(invalid) == 0 || invalid[0].Field != strings.TrimSpace(field) {
			t.Errorf("%q: %v", field, invalid)
		}
	}
}

func TestSlugsAndLabels(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"Spacelift demo": "spacelift-demo", " -Ä b_c!": "b-c", "日本": "", strings.Repeat("ab ", 40): strings.Repeat("ab-", 20) + "ab-"} {
		got := models.Slug(name)
		if got != strings.TrimRight(want, "-") {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	if got := models.ParseLabels(" a, b ,,a,c:d "); strings.Join(got, "|") != "a|b|c:d" {
		t.Errorf("labels %q", got)
	}
	if got := models.ParseLabels(" "); got == nil || len(got) != 0 {
		t.Errorf("labels %#v", got)
	}
}

func TestUsersAreChecked(t *testing.T) {
	t.Parallel()
	for email, fine := range map[string]bool{
		"ada@example.com": true, "a+b@sub.example.com": true, "": false, "ada": false, "Ada <ada@example.com>": false, "ada@example.com\n": false,
		strings.Repeat("a", 250) + "@example.com": false,
	} {
		if err := (models.User{Email: email, Role: models.Reader}).Check(); (err == nil) != fine {
			t.Errorf("%q: %v", email, err)
		}
	}
	if err := (models.User{Email: "a@example.com", Role: "root"}).Check(); err == nil {
		t.Error("an unknown role is taken")
	}
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	for password, fine := range map[string]bool{"twelve chars": true, "elevenchars": false, strings.Repeat("x", 513): false, "not utf-8 \xff\xff\xff": false} {
		if err := models.CheckPassword(password); (err == nil) != fine {
			t.Errorf("%.20q: %v", password, err)
		}
	}
	hash, err := models.HashPassword("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		password, hash string
		want           bool
	}{{"correct horse battery", hash, true}, {"wrong", hash, false}, {"", hash, false}, {"anything", "", false}, {"anything", "garbage", false}} {
		if got := models.PasswordMatches(c.password, c.hash); got != c.want {
			t.Errorf("%q: %t", c.password, got)
		}
	}
}

// TestWhoMayWhat goes through every kind of viewer and both a stack of theirs (1) and another one (2).
func TestWhoMayWhat(t *testing.T) {
	t.Parallel()
	user := func(role models.Role, all bool, grants ...int64) models.Viewer {
		return models.Viewer{User: &models.User{Role: role, AllStacks: all}, Grants: grants}
	}
	token := func(scope models.Scope, stack int64) models.Viewer {
		return models.Viewer{Token: &models.Token{Scope: scope, StackKey: stack}}
	}
	for name, c := range map[string]struct {
		viewer        models.Viewer
		one, two      string // s sees, r reads, p reports, a administers
		administrator bool
	}{
		"nobody":             {models.Viewer{}, "", "", false},
		"administrator":      {user(models.Administrator, false), "sra", "sra", true},
		"reader":             {user(models.Reader, false), "", "", false},
		"granted reader":     {user(models.Reader, false, 1), "sr", "", false},
		"reader of all":      {user(models.Reader, true), "sr", "sr", false},
		"report token":       {token(models.ScopeReport, 1), "sp", "", false},
		"report token, all":  {token(models.ScopeReport, 0), "sp", "sp", false},
		"read token":         {token(models.ScopeRead, 1), "sr", "", false},
		"read token, all":    {token(models.ScopeRead, 0), "sr", "sr", false},
		"admin token":        {token(models.ScopeAdmin, 1), "srpa", "", false},
		"admin token of all": {token(models.ScopeAdmin, 0), "srpa", "srpa", true},
	} {
		for stack, want := range map[int64]string{1: c.one, 2: c.two} {
			got := ""
			for _, may := range []struct {
				letter string
				yes    bool
			}{{"s", c.viewer.Sees(stack)}, {"r", c.viewer.Reads(stack)}, {"p", c.viewer.Reports(stack)}, {"a", c.viewer.Administers(stack)}} {
				if may.yes {
					got += may.letter
				}
			}
			if got != want {
				t.Errorf("%s, stack %d: %q, want %q", name, stack, got, want)
			}
		}
		if c.viewer.Administrator() != c.administrator {
			t.Errorf("%s: administrator %t", name, c.viewer.Administrator())
		}
	}
}
