const zh = {
  title: "登录",
  login: "用户名",
  password: "密码",
  enter: "登录",
  elsewhere: "您已在别处登录。",
  take_over: "结束那边的登录并在此登录",
  login_missing: "请输入用户名",
  password_missing: "请输入密码",
  help: "忘记密码请联系管理员重置。离开座位请退出登录。",
  again: "登录已过期，请重新登录。页面内容和通话都不受影响。",
  own: {
    title: "修改本人密码",
    change: "修改",
    present: "现在的密码",
    wanted: "新密码",
    login_missing: "请输入用户名",
  password_missing: "请输入密码",
  help: "忘记密码请联系管理员重置。离开座位请退出登录。",
  again: "再输一次新密码",
    differs: "两次输入不一致",
    wrong: "现在的密码不对",
    least: "至少 {{count}} 个字符",
    changed: "密码已修改",
  },
};

export default zh;
