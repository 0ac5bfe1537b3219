const zh = {
  title: "通话",
};

export default zh;
