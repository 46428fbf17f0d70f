package handlers

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"stackhook/models"
	"stackhook/models/store"
	"stackhook/views"
)

// SignOn is single sign-on: what may come in, and the identity provider as plain functions.
type SignOn struct {
	Rules models.SignOnRules
	// Address is where somebody signs in; state comes back from there.
	Address func(ctx context.Context, state string, try models.SignOn) (string, error)
	// SameIssuer refuses an answer that names another provider.
	SameIssuer func(ctx context.Context, issuer string) error
	// Identity is what the provider vouches for, for a code that came back.
	Identity func(ctx context.Context, code string, try models.SignOn) (models.Identity, error)
	// BadCode reports whether an error says that the code is used or too old, Away whether the provider did not answer.
	BadCode, Away func(err error) bool
}

// maxNext is the longest address that is kept for after a sign-in. Longer ones are no page of ours.
const maxNext = 4 << 10

// StartSignOn sends somebody to the identity provider. Where to go afterwards, and a form that waits, stay here.
func (h *Handlers) StartSignOn(c echo.Context) error {
	if h.SignOn == nil {
		return models.ErrNotFound
	}
	values, err := form(c)
	if err != nil {
		return err
	}
	browser, err := h.Browser(c)
	if err != nil {
		return err
	}
	state := rand.Text()
	try := models.SignOn{
		ID: store.HashCredential(state), Browser: store.HashCredential(browser), Nonce: rand.Text(), Verifier: rand.Text() + rand.Text(),
		Next: LocalPath(values.Get("next")), ExpiresAt: time.Now().Add(models.SignOnAge),
	}
	if len(try.Next) > maxNext {
		try.Next = "/"
	}
	if sealed := values.Get("form"); h.Sealed(sealed) { // nothing else is worth keeping
		try.Form = sealed
	}
	ctx := c.Request().Context()
	address, err := h.SignOn.Address(ctx, state, try)
	if err != nil {
		return h.signOnProblem(err)
	}
	if err := h.Store.SaveSignOn(ctx, try); err != nil {
		return err
	}
	// Browsers hold what a form leads to against form-action, and nobody knows where a provider leads to in turn. A page that
	// goes on by itself is no form any more.
	c.Response().Header().Set("Refresh", "0; url="+address)
	return h.render(c, http.StatusOK, views.SignOn(views.SignOnPage{Frame: h.frame(c, "Single sign-on", ""), Address: address}))
}

// FinishSignOn answers whoever comes back from the identity provider.
func (h *Handlers) FinishSignOn(c echo.Context) error {
	if h.SignOn == nil {
		return models.ErrNotFound
	}
	setPagePath(c, views.LoginPath) // the address holds the code, which is nothing to come back to
	ctx := c.Request().Context()
	browser, err := h.Browser(c)
	if err != nil {
		return err
	}
	try, err := h.Store.TakeSignOn(ctx, c.QueryParam("state"), browser)
	if errors.Is(err, models.ErrNotFound) {
		return &Problem{
			Status: http.StatusBadRequest, Title: "This sign-in is over", Cause: errors.New("no such sign-in is under way in this browser"), Logged: true,
			Detail: "It was used already, took longer than ten minutes, or began in another browser. Start again from the sign-in page.",
		}
	}
	if err != nil {
		return err
	}
	if err := h.SignOn.SameIssuer(ctx, c.QueryParam("iss")); err != nil {
		return h.signOnProblem(err)
	}
	if refusal := c.QueryParam("error"); refusal != "" {
		return deniedProblem(refusal)
	}
	identity, err := h.SignOn.Identity(ctx, c.QueryParam("code"), try)
	if err != nil {
		return h.signOnProblem(err)
	}
	return h.letIn(c, identity, try)
}

// letIn signs in whoever the provider vouches for, if they may.
func (h *Handlers) letIn(c echo.Context, identity models.Identity, try models.SignOn) error {
	ctx := c.Request().Context()
	var arrived store.Arrived
	err := h.SignOn.Rules.Check(identity)
	if err == nil {
		arrived, err = h.Store.SignOn(ctx, identity, h.SignOn.Rules.Rights(identity.Groups), c.RealIP())
	}
	if refused, is := errors.AsType[*models.Refused](err); is {
		nobody := models.Actor{Kind: models.ActorNobody, Address: c.RealIP()}
		if err := h.Store.RecordSignIn(ctx, nobody, models.SignInFailed, cut(identity.Email, models.MaxEmail), "with single sign-on: "+refused.Reason); err != nil {
			return err
		}
		return &Problem{Status: http.StatusForbidden, Title: "You are not let in", Detail: refused.Reason, Cause: err, Logged: true}
	}
	if err != nil {
		return err
	}
	if err := h.enter(c, arrived.User, "with single sign-on"); err != nil {
		return err
	}
	if arrived.Kept {
		h.Log.Warn("no group makes the last active administrator one any more; they stay one", "user", arrived.User.ID)
		h.Tell(c, "Your groups do not make you an administrator any more. You stay one because you are the last: make somebody else one.")
	}
	setPagePath(c, try.Next)
	return h.Resume(c, try.Form, try.Next)
}

// deniedProblem answers what the provider refused. Its words could be anybody's, so they are in the log only.
func deniedProblem(refusal string) error {
	cause := errors.New("the identity provider refused: " + cut(refusal, 100))
	if refusal == "access_denied" {
		return &Problem{
			Status: http.StatusForbidden, Title: "The identity provider did not let you in", Cause: cause, Logged: true,
			Detail: "You cancelled, or your account there may not use Stackhook. Start again, or ask whoever runs the identity provider.",
		}
	}
	return &Problem{
		Status: http.StatusBadGateway, Title: "Single sign-on failed", Cause: cause, Logged: true,
		Detail: "The identity provider did not finish the sign-in. Start again; if it happens again, tell whoever runs this server the number below.",
	}
}

// signOnProblem answers what went wrong with the provider.
func (h *Handlers) signOnProblem(err error) error {
	p := &Problem{
		Status: http.StatusBadGateway, Title: "Single sign-on failed", Cause: err, Logged: true,
		Detail: "What the identity provider answered cannot be believed, so nobody is signed in. Tell whoever runs this server the number below.",
	}
	switch {
	case h.SignOn.BadCode(err):
		p.Status, p.Title, p.Detail = http.StatusBadRequest, "This sign-in is over", "The identity provider does not take it any more: it was used already, or took too long. Start again from the sign-in page."
	case h.SignOn.Away(err):
		p.Title, p.Detail = "The identity provider does not answer", "Wait a minute and start again from the sign-in page. If it goes on, tell whoever runs this server the number below."
	}
	return p
}

// cut keeps what others sent at a length that fits a log.
func cut(text string, most int) string { return text[:min(len(text), most)] }
