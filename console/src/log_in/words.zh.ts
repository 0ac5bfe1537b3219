const zh = {
  title: "登录",
  login: "用户名",
  password: "密码",
  enter: "登录",
  elsewhere: "您已在别处登录。",
  take_over: "结束那边的登录并在此登录",
  again: "登录已过期，请重新登录。页面内容和通话都不受影响。",
};

export default zh;
