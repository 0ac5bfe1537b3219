const zh = {
  title: "质检",
};

export default zh;
