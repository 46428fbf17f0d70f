package store_test

import (
	"errors"
	"testing"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/models/store/storetest"
)

// What was given by hand stays; what came from a group goes with it.
func TestStacksOfGroups(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		addAda(t, s)
		hand, both := storetest.Stack(t, s, "hand"), storetest.Stack(t, s, "both")
		storetest.Stack(t, s, "group")
		user := arrive(t, s, identity("1", "grace@example.com"), models.GroupRights{}).User
		for _, stack := range []models.Stack{hand, both} {
			if err := s.GrantStack(t.Context(), storetest.Shell, user, stack); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			rights models.GroupRights
			want   string
			all    bool
		}{
			{models.GroupRights{MapsStacks: true, Stacks: []string{"both", "group", "not there"}}, "both,group,hand", false},
			{models.GroupRights{MapsStacks: true, Stacks: []string{"both"}, AllStacks: true}, "both,hand", true},
			{models.GroupRights{}, "both,hand", true}, // nothing is mapped any more, so nothing is followed
			{models.GroupRights{MapsStacks: true}, "both,hand", false},
		} {
			user = arrive(t, s, identity("1", "grace@example.com"), c.rights).User
			if got := grantsOf(t, s, user); got != c.want || user.AllStacks != c.all {
				t.Errorf("%+v: %q, all %t; want %q, %t", c.rights, got, user.AllStacks, c.want, c.all)
			}
			if stored, err := s.User(t.Context(), user.ID); err != nil || stored.AllStacks != user.AllStacks || stored.Role != user.Role {
				t.Errorf("stored is %+v, %v", stored, err)
			}
		}
	})
}

// By hand beats by group, and an administrator may take back at once what a group gave.
func TestWhatGroupsGaveChangedByHand(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		addAda(t, s)
		a, b := storetest.Stack(t, s, "a"), storetest.Stack(t, s, "b")
		rights := models.GroupRights{MapsRole: true, MapsStacks: true, Administrator: true, AllStacks: true, Stacks: []string{"a", "b"}}
		nothing := models.GroupRights{MapsRole: true, MapsStacks: true}
		user := arrive(t, s, identity("1", "grace@example.com"), rights).User
		if user.Role != models.Administrator || !user.RoleByGroup || !user.AllStacksByGroup {
			t.Fatalf("%+v", user)
		}
		if err := s.GrantStack(t.Context(), storetest.Shell, user, a); err != nil {
			t.Fatal(err)
		}
		if err := s.RevokeStack(t.Context(), storetest.Shell, user, b); err != nil {
			t.Fatal(err)
		}
		if got := grantsOf(t, s, user); got != "a" {
			t.Errorf("after revoking b: %s", got)
		}
		user.Name = "Grace" // saving the form changes what was changed, and no more
		if err := s.UpdateUser(t.Context(), storetest.Shell, user); err != nil {
			t.Fatal(err)
		}
		user = arrive(t, s, identity("1", "grace@example.com"), nothing).User
		if got := grantsOf(t, s, user); got != "a" || user.Role != models.Reader || user.AllStacks {
			t.Errorf("%s, %+v", got, user)
		}
		user.Role, user.AllStacks = models.Administrator, true
		if err := s.UpdateUser(t.Context(), storetest.Shell, user); err != nil {
			t.Fatal(err)
		}
		for _, r := range []models.GroupRights{rights, nothing} {
			user = arrive(t, s, identity("1", "grace@example.com"), r).User
		}
		if user.Role != models.Administrator || !user.AllStacks {
			t.Errorf("what was given by hand went with a group: %+v", user)
		}
	})
}

func TestTheLastAdministratorByGroupStays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ops, nothing := models.GroupRights{MapsRole: true, Administrator: true}, models.GroupRights{MapsRole: true}
		refused := new(models.Refused)
		if _, err := s.SignOn(t.Context(), identity("1", "grace@example.com"), nothing, ""); !errors.As(err, &refused) {
			t.Fatalf("the first one is a reader: %v", err)
		}
		first := arrive(t, s, identity("1", "grace@example.com"), ops)
		if kept := arrive(t, s, identity("1", "grace@example.com"), nothing); !kept.Kept || kept.User.Role != models.Administrator || first.Kept {
			t.Errorf("%+v", kept)
		}
		arrive(t, s, identity("2", "alan@example.com"), ops)
		if now := arrive(t, s, identity("1", "grace@example.com"), nothing); now.Kept || now.User.Role != models.Reader {
			t.Errorf("%+v", now)
		}
	})
}
