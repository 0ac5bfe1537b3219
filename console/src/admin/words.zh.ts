const zh = {
  title: "系统管理",
};

export default zh;
