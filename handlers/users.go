package handlers

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/views"
)

// Users lists everybody who may sign in or could.
func (h *Handlers) Users(c echo.Context) error { return h.UserForm(c, nil, nil, http.StatusOK) }

// UserForm shows that list with what was typed in the form that adds somebody, and what is wrong with it.
func (h *Handlers) UserForm(c echo.Context, values url.Values, bad models.Invalid, status int) error {
	page, err := h.usersPage(c)
	if err != nil {
		return err
	}
	page.Form = userForm(values, bad)
	return h.render(c, status, views.Users(page))
}

// CreateUser adds somebody and answers with the list, which shows their one-time link.
func (h *Handlers) CreateUser(c echo.Context) error {
	values, err := form(c)
	if err != nil {
		return err
	}
	user := models.User{Email: values.Get("email")}
	typedUser(&user, values)
	user, err = h.Store.CreateUser(c.Request().Context(), actor(c), user, "")
	if err != nil {
		bad, err := Fields(err)
		if err != nil {
			return err
		}
		return h.UserForm(c, values, bad, http.StatusUnprocessableEntity)
	}
	if h.NoPasswords {
		h.Flash(c, "Added "+user.Label()+", who signs in with single sign-on.")
		return seeOther(c, views.UsersPath)
	}
	link, err := h.oneTimeLink(c, user)
	if err != nil {
		return err
	}
	page, err := h.usersPage(c)
	if err != nil {
		return err
	}
	page.Link = &link
	return h.render(c, http.StatusOK, views.Users(page))
}

func (h *Handlers) usersPage(c echo.Context) (views.UsersPage, error) {
	ctx := c.Request().Context()
	users, err := h.Store.Users(ctx)
	if err != nil {
		return views.UsersPage{}, err
	}
	grants, err := h.Store.Grants(ctx)
	if err != nil {
		return views.UsersPage{}, err
	}
	page := views.UsersPage{Frame: h.frame(c, "Users", "users"), NoLinks: h.NoPasswords}
	for _, u := range users {
		page.People = append(page.People, h.userLine(c, u, grants))
	}
	return page, nil
}

func (h *Handlers) userLine(c echo.Context, u models.User, grants map[int64][]models.Stack) views.UserLine {
	v := Viewer(c)
	return views.UserLine{User: u, Stacks: grants[u.ID], You: v.User != nil && v.User.ID == u.ID, NoLinks: h.NoPasswords}
}

// EditUser shows one person with what may be changed about them.
func (h *Handlers) EditUser(c echo.Context) error {
	page, err := h.editUserPage(c)
	if err != nil {
		return err
	}
	return h.render(c, http.StatusOK, views.EditUser(page))
}

// EditUserForm shows that with what was typed and what is wrong with it.
func (h *Handlers) EditUserForm(c echo.Context, values url.Values, bad models.Invalid, status int) error {
	page, err := h.editUserPage(c)
	if err != nil {
		return err
	}
	page.Form = userForm(values, bad)
	return h.render(c, status, views.EditUser(page))
}

// UpdateUser changes a person's name, role, access to all stacks, and whether they are active.
func (h *Handlers) UpdateUser(c echo.Context) error {
	user, err := h.user(c, c.Param("user"))
	if err != nil {
		return err
	}
	values, err := form(c)
	if err != nil {
		return err
	}
	before := user
	typedUser(&user, values)
	user.Active = values.Has("active")
	if err := h.Store.UpdateUser(c.Request().Context(), actor(c), user); err != nil {
		bad, err := Fields(err)
		if err != nil {
			return err
		}
		return h.EditUserForm(c, values, bad, http.StatusUnprocessableEntity)
	}
	h.Flash(c, userSaved(before, user))
	return seeOther(c, views.UsersPath)
}

// userSaved says what came of a change beyond the change itself.
func userSaved(before, after models.User) string {
	switch {
	case before.Active && !after.Active:
		return "Saved. " + after.Label() + " is signed out and cannot sign in."
	case !before.Active && after.Active:
		return "Saved. " + after.Label() + " can sign in again."
	case before.Role != after.Role:
		return "Saved. " + after.Label() + " is signed out and has the new role from the next sign-in."
	}
	return "Saved the changes to " + after.Label() + "."
}

// CreateUserLink makes a new one-time link for a person and answers with their page, which shows it.
func (h *Handlers) CreateUserLink(c echo.Context) error {
	if h.NoPasswords {
		return passwordsOff()
	}
	page, err := h.editUserPage(c)
	if err != nil {
		return err
	}
	user := page.Line.User
	if !user.Active {
		return &models.Refused{Reason: user.Label() + " is deactivated: a link would open nothing. Make them active first."}
	}
	link, err := h.oneTimeLink(c, user)
	if err != nil {
		return err
	}
	page.Link = &link
	return h.render(c, http.StatusOK, views.EditUser(page))
}

// editUserPage is the page of the person that the path names, with the form as it is stored.
func (h *Handlers) editUserPage(c echo.Context) (views.EditUserPage, error) {
	user, err := h.user(c, c.Param("user"))
	if err != nil {
		return views.EditUserPage{}, err
	}
	grants, err := h.Store.Grants(c.Request().Context())
	if err != nil {
		return views.EditUserPage{}, err
	}
	return views.EditUserPage{
		Frame: h.frame(c, user.Label(), "users"), Line: h.userLine(c, user, grants),
		Form: views.UserForm{Name: user.Name, Role: string(user.Role), AllStacks: user.AllStacks, Active: user.Active},
	}, nil
}

func (h *Handlers) oneTimeLink(c echo.Context, user models.User) (views.OneTimeLink, error) {
	ctx := c.Request().Context()
	token, err := h.Store.CreateLink(ctx, actor(c), user)
	if err != nil {
		return views.OneTimeLink{}, err
	}
	link, _, err := h.Store.Link(ctx, token)
	if err != nil {
		return views.OneTimeLink{}, err
	}
	address := h.BaseURL.JoinPath(views.SetupPath)
	address.RawQuery = url.Values{"token": {token}}.Encode()
	return views.OneTimeLink{For: user.Label(), URL: address.String(), Until: link.ExpiresAt}, nil
}

// typedUser sets what both forms hold.
func typedUser(user *models.User, values url.Values) {
	user.Name = strings.TrimSpace(values.Get("name"))
	user.Role = models.Role(values.Get("role"))
	user.AllStacks = values.Get("all_stacks") != ""
}

func userForm(values url.Values, bad models.Invalid) views.UserForm {
	return views.UserForm{
		Email: typed(values, "email"), Name: typed(values, "name"), Role: typed(values, "role"),
		AllStacks: values.Get("all_stacks") != "", Active: values.Has("active"), Bad: bad,
	}
}
