package models

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestWhoMayComeIn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		domains  string
		identity Identity
		in       bool
	}{
		{"example.com", Identity{Email: "ada@example.com", EmailVerified: true}, true},
		{"example.com", Identity{Email: "ada@EXAMPLE.com", EmailVerified: true}, true},
		{"other.example,example.com", Identity{Email: "ada@example.com", EmailVerified: true}, true},
		{"*", Identity{Email: "ada@anything.example", EmailVerified: true}, true},
		{"*", Identity{Email: "ada@anything.example"}, false},
		{"*", Identity{Email: "ada", EmailVerified: true}, false},
		{"*", Identity{Email: "", EmailVerified: true}, false},
		{"example.com", Identity{Email: "@example.com", EmailVerified: true}, false},
		{"example.com", Identity{Email: "ada@example.com"}, false},
		{"example.com", Identity{Email: "ada@sub.example.com", EmailVerified: true}, false},
		{"example.com", Identity{Email: "ada@example.com.evil.example", EmailVerified: true}, false},
		{"example.com", Identity{Email: "ada@example.com@evil.example", EmailVerified: true}, false},
		{"example.com", Identity{Email: "ada@example.com ", EmailVerified: true}, false},
		{"", Identity{Email: "ada@example.com", EmailVerified: true}, false},
	} {
		err := SignOnRules{Domains: strings.Split(c.domains, ",")}.Check(c.identity)
		if _, refused := errors.AsType[*Refused](err); refused == c.in || (err == nil) != c.in {
			t.Errorf("%q, %+v: %v", c.domains, c.identity, err)
		}
	}
}

func TestGroupRights(t *testing.T) {
	t.Parallel()
	rules := SignOnRules{
		AdminGroups:  []string{"ops", "root"},
		ReaderGroups: []GroupGrant{{"platform", "net"}, {"platform", "dns"}, {"everybody", EveryStack}},
	}
	for groups, want := range map[string]GroupRights{
		"":                   {MapsRole: true, MapsStacks: true},
		"others,OPS":         {MapsRole: true, MapsStacks: true}, // as the provider spells it
		"root":               {MapsRole: true, MapsStacks: true, Administrator: true},
		"platform,ops":       {MapsRole: true, MapsStacks: true, Administrator: true, Stacks: []string{"net", "dns"}},
		"everybody,platform": {MapsRole: true, MapsStacks: true, AllStacks: true, Stacks: []string{"net", "dns"}},
	} {
		if got := rules.Rights(strings.Split(groups, ",")); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", groups, got, want)
		}
	}
	if got := (SignOnRules{}).Rights([]string{"", "ops"}); !reflect.DeepEqual(got, GroupRights{}) {
		t.Errorf("without any mapping: %+v", got)
	}
}

func TestCutName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Ada Lovelace": "Ada Lovelace", " Ada ": "Ada", "A\x00d\na\u202e": "Ada", "\xffAda": "Ada",
		strings.Repeat("ä", MaxStackName+5): strings.Repeat("ä", MaxStackName), "": "",
	} {
		if got := CutName(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}
