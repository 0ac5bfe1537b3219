const zh = {
  title: "异常清单",
};

export default zh;
