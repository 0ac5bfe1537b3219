// Logging in, until the console does it: name and password for a cookie, then on to the headset's page.

const $ = (id) => document.getElementById(id);
const WRONG = "用户名或密码不正确。 · User or password is wrong.";
const ELSEWHERE = "此用户已在别处登录；再次点击登录将结束那里的登录。 · Logged in elsewhere; log in again to end that.";
const AWAY = "暂时无法登录，请稍后再试。 · Not possible just now; try again in a moment.";
let takeOver = false;

$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const response = await fetch("/api/v1/log-ins", {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() },
      body: JSON.stringify({ login: $("login").value, password: $("password").value, take_over: takeOver }),
    });
    if (response.ok) {
      location.assign("/headset");
      return;
    }
    takeOver = response.status === 409;
    $("problem").textContent = takeOver ? ELSEWHERE : response.status === 401 ? WRONG : AWAY;
  } catch {
    $("problem").textContent = AWAY;
  }
});
